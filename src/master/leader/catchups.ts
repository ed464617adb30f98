import type { JobUid } from '../../domain/job/job.ts';
import type { JobSpec } from '../../domain/job/spec.ts';
import type { Findings, NewRun } from '../../store/store.ts';
import { nothingFound } from './lost.ts';
import type { Office } from './office.ts';
import { withdraw } from './withdraw.ts';

type Policy = Pick<JobSpec, 'misfirePolicy' | 'misfireLimit'>;

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
  async add(runs: readonly { readonly run: NewRun; readonly policy: Policy }[]): Promise<void> {
    const surplus = new Map<NewRun, Policy>();
    for (const { run, policy } of runs) {
      this.#remember(run);
      const waiting = this.#waiting.get(run.jobUid) ?? [];
      const most = policy.misfirePolicy === 'RunAll' ? policy.misfireLimit : 1;
      // Several runs of one tick count as one.
      const newest = new Set([...new Set(waiting.map(({ tick }) => tick))].slice(-most));
      const kept = waiting.filter(({ tick }) => newest.has(tick));
      for (const old of waiting) if (!newest.has(old.tick)) surplus.set(old, policy);
      this.#waiting.set(run.jobUid, kept);
    }
    if (surplus.size === 0) return;
    const withdrawn = new Set(await this.#withdraw(surplus, 'a later missed tick of the job takes its place'));
    // Of the others a worker has begun one just now: it is one of the policy's number, and a waiting one less.
    const begun = [...surplus].filter(([run]) => !withdrawn.has(run));
    const instead = begun.flatMap(([{ jobUid }, policy]) => {
      const last = this.#waiting.get(jobUid)?.pop();
      return last === undefined ? [] : [[last, policy] as const];
    });
    await this.#withdraw(new Map(instead), 'an earlier missed tick of the job has its run');
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
