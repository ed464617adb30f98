import type { JobUid } from '../../domain/job/job.ts';
import type { JobSpec } from '../../domain/job/spec.ts';
import type { RunId, RunState } from '../../domain/run/run.ts';
import type { Findings, NewRun } from '../../store/store.ts';
import { nothingFound } from './lost.ts';
import type { Office } from './office.ts';
import { withdraw } from './withdraw.ts';

type Policy = Pick<JobSpec, 'misfirePolicy' | 'misfireLimit'>;

/** A run that is asked for after all, and all those of its row of missed ticks, by their ids. */
export interface AddedCatchup {
  readonly run: NewRun;
  readonly policy: Policy;
  readonly row: readonly RunId[];
}

/** Whether a run after all counts as one of the policy's number for good. */
export const hasBegun = (state: RunState): boolean => state !== 'Pending' && state !== 'Skipped';

/**
 * Catch-up runs that wait for a worker. While an outage goes on, each audit finds one more missed tick: the newest take
 * the place of the oldest, so that `RunLatest` stays one run and `RunAll` keeps its limit.
 */
export class Catchups {
  readonly #office: Office;
  /** Oldest tick first. */
  readonly #waiting = new Map<JobUid, NewRun[]>();

  constructor(office: Office) {
    this.#office = office;
  }

  /** What the database knows as waiting; replaces what was known. */
  load(pending: readonly NewRun[]): void {
    this.#waiting.clear();
    for (const run of pending) if (run.trigger === 'catchup') this.#remember(run);
  }

  /** Takes in runs that were just committed, and withdraws those beyond their policy's number. */
  async add(runs: readonly AddedCatchup[]): Promise<void> {
    // Looked at after the commit: when the number was decided, one of the row may not have begun yet.
    const begun = await this.#begunOf(runs.flatMap(({ row }) => row));
    const surplus = new Map<NewRun, Policy>();
    for (const { run, policy, row } of runs) {
      this.#remember(run);
      const waiting = (this.#waiting.get(run.jobUid) ?? []).filter(({ id }) => !begun.has(id));
      const bound = policy.misfirePolicy === 'RunAll' ? policy.misfireLimit : 1;
      const most = Math.max(0, bound - row.filter(id => begun.has(id)).length);
      // Several runs of one tick count as one.
      const ticks = [...new Set(waiting.map(({ tick }) => tick))];
      const newest = new Set(ticks.slice(Math.max(0, ticks.length - most)));
      const kept = waiting.filter(({ tick }) => newest.has(tick));
      for (const old of waiting) if (!newest.has(old.tick)) surplus.set(old, policy);
      this.#waiting.set(run.jobUid, kept);
    }
    if (surplus.size === 0) return;
    const withdrawn = new Set(await this.#withdraw(surplus, 'a later missed tick of the job takes its place'));
    // Of the others a worker has begun one just now: it is one of the policy's number, and a waiting one less.
    const taken = [...surplus].filter(([run]) => !withdrawn.has(run));
    const instead = taken.flatMap(([{ jobUid }, policy]) => {
      const last = this.#waiting.get(jobUid)?.pop();
      return last === undefined ? [] : [[last, policy] as const];
    });
    await this.#withdraw(new Map(instead), 'an earlier missed tick of the job has its run');
  }

  async #begunOf(ids: readonly RunId[]): Promise<ReadonlySet<RunId>> {
    if (ids.length === 0) return new Set();
    const rows = await this.#office.store.getRuns([...new Set(ids)]);
    return new Set(rows.filter(({ state }) => hasBegun(state)).map(({ id }) => id));
  }

  /** Gives those that no worker has begun. */
  async #withdraw(runs: ReadonlyMap<NewRun, Policy>, message: string): Promise<readonly NewRun[]> {
    if (runs.size === 0) return [];
    const { store, term, clock, metrics } = this.#office;
    const withdrawn = await withdraw(this.#office, [...runs.keys()]);
    const expired = withdrawn.map((run): Findings['expired'][number] => ({
      run: run.id,
      reason: runs.get(run)?.misfirePolicy === 'RunAll' ? 'MisfireLimit' : 'Superseded',
      message,
    }));
    await store.account(term, { ...nothingFound, expired }, clock());
    for (const { reason } of expired) metrics.skips.inc({ reason });
    return withdrawn;
  }

  #remember(run: NewRun): void {
    const waiting = this.#waiting.get(run.jobUid) ?? [];
    if (waiting.some(({ id }) => id === run.id)) return;
    waiting.push(run);
    waiting.sort((a, b) => (a.tick ?? 0) - (b.tick ?? 0));
    this.#waiting.set(run.jobUid, waiting);
  }
}
