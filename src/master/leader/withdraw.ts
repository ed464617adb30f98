import type { Entry } from '../../coordination/coordinator.ts';
import { publishedPath, triggerPath } from '../../coordination/keys.ts';
import { decode, encode, type PublishedRecord, type TriggerRecord } from '../../coordination/records.ts';
import { jobKey } from '../../domain/job/job.ts';
import type { RunId } from '../../domain/run/run.ts';
import type { NewRun, PendingRun } from '../../store/store.ts';
import { type Office, type Step, takeAway } from './office.ts';

/** Unpublished runs looked through; they come first in the database's list. */
const lookedThrough = 5_000;

/** What is needed to take a run back. */
export type Withdrawable = Pick<NewRun, 'id' | 'namespace' | 'name' | 'deadline'> &
  Partial<Pick<PendingRun, 'attempt'>>;

/**
 * Makes sure that pending runs are not started any more: their triggers are deleted, or, where they were never written,
 * kept from being written. Gives those for which that is so; the others were written, and a worker has them. May be
 * carried out twice.
 */
export async function withdraw<T extends Withdrawable>(office: Office, runs: readonly T[]): Promise<readonly T[]> {
  if (runs.length === 0) return [];
  const entries = await office.read(
    runs.flatMap(run => [triggerPath(jobKey(run), run.id), publishedPath(run.id, run.attempt)]),
  );
  // Read before the marks are written: who publishes meanwhile is found out by them.
  const unpublished = await unpublishedOf(office);
  const done = new Set<T>();
  const steps = new Map<T, Step>();
  for (const [i, run] of runs.entries()) {
    const [trigger, mark] = entries.slice(2 * i, 2 * i + 2);
    const key = publishedPath(run.id, run.attempt);
    const value = encode<PublishedRecord>({ v: 1, deadline: run.deadline, withdrawn: true });
    const keep = { verb: 'cas', key, value, index: mark?.index ?? 0 } as const;
    if (mark !== undefined && decode<PublishedRecord>(mark).withdrawn === true) done.add(run);
    else if (trigger !== undefined && asksFor(trigger, run.attempt ?? 1)) steps.set(run, [...takeAway(trigger), keep]);
    else if (mark === undefined && unpublished.has(run.id)) steps.set(run, keep);
  }
  const answers = await office.each([...steps.values()]);
  for (const [i, run] of [...steps.keys()].entries()) if (answers[i] !== 'refused') done.add(run);
  return runs.filter(run => done.has(run));
}

/** An attempt before may still wait to be adopted under the same key. */
function asksFor(trigger: Entry, attempt: number): boolean {
  const record = decode<TriggerRecord>(trigger);
  return record.attempt === attempt && record.adopts === undefined;
}

async function unpublishedOf(office: Office): Promise<ReadonlySet<RunId>> {
  const pending = await office.store.pendingRuns(lookedThrough);
  return new Set(pending.filter(run => !run.published).map(run => run.id));
}
