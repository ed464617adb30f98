import type { JobUid } from '../../domain/job/job.ts';
import { endOfWhole } from '../../domain/policy/chains.ts';
import { memberRunId, type RunId, type RunState, terminalStates, wholeOf } from '../../domain/run/run.ts';
import type { Instant } from '../../domain/time.ts';
import type { ChangedRun, Run } from '../store.ts';
import type { Run as RunRow } from './client/client.ts';
import { Prisma } from './client/client.ts';
import type { Transaction } from './database.ts';
import { runColumns, toRun } from './run-row.ts';

/** A run that ended for good, or the runs that one tick or request of a job with placement All or Shards came to. */
export interface Ended {
  readonly id: RunId;
  readonly jobUid: JobUid;
  readonly namespace: string;
  readonly name: string;
  /** Of a whole: Succeeded when all of its members did. */
  readonly state: RunState;
  /** When that was recorded, by the clock of the master that did. */
  readonly at: Instant;
  readonly finishedAt: Instant;
  /** The run alone, or the members. */
  readonly runs: readonly RunId[];
}

/** What of these runs ended as a whole: a member only once all of its whole have. In the same order. */
export async function endedWholes(transaction: Transaction, ended: readonly ChangedRun[]): Promise<readonly Ended[]> {
  const members = await membersOf(transaction, ended);
  const wholes = new Map<RunId, Ended>();
  for (const run of ended) {
    const id = wholeOf(run);
    const all = run.particulars?.member === undefined ? [run] : members.get(id);
    if (all === undefined || !all.every(isFinal)) continue;
    const { jobUid, namespace, name, changedAt: at } = run;
    const finishedAt = Math.max(...all.map(one => one.finishedAt ?? at));
    const state = endOfWhole(all.map(one => one.state));
    wholes.set(id, { id, jobUid, namespace, name, state, at, finishedAt, runs: all.map(one => one.id) });
  }
  return [...wholes.values()];
}

/** The members of the wholes that these runs belong to, by index; those with one missing are left out. */
async function membersOf(
  transaction: Transaction,
  ended: readonly ChangedRun[],
): Promise<ReadonlyMap<RunId, readonly Run[]>> {
  const counts = new Map<RunId, number>();
  for (const run of ended) if (run.particulars?.member) counts.set(wholeOf(run), run.particulars.member.count);
  const found = new Map<RunId, readonly Run[]>();
  for (const [whole, count] of counts) {
    const ids = Array.from({ length: count }, (_, index) => memberRunId(whole, index));
    const rows = await transaction.$queryRaw<RunRow[]>`
      SELECT ${runColumns} FROM run WHERE run.id IN (${Prisma.join(ids)})`;
    const byId = new Map(rows.map(row => [row.id, toRun(row)]));
    const all = ids.flatMap(id => byId.get(id) ?? []);
    if (all.length === count) found.set(whole, all);
  }
  return found;
}

/** No further attempt is to come. */
function isFinal({ state, retryDecided }: Run): boolean {
  const retried = state === 'Failed' || state === 'TimedOut' || state === 'Lost';
  return terminalStates.has(state) && (!retried || retryDecided === true);
}
