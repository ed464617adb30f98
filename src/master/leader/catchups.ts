import type { JobUid } from '../../domain/job/job.ts';
import type { JobSpec } from '../../domain/job/spec.ts';
import type { SkipReason } from '../../domain/run/run.ts';
import type { NewRun } from '../../store/store.ts';
import type { Office } from './office.ts';
import { withdraw } from './withdraw.ts';

/** What of the publisher is needed. */
export interface TriggerPublishing {
  publishTrigger(run: NewRun): Promise<void>;
}

/**
 * Catch-up runs that wait for a worker. While an outage goes on, each audit finds one more missed tick: the newest take
 * the place of the oldest, so that `RunLatest` stays one run and `RunAll` keeps its limit.
 */
export class Catchups {
  readonly #office: Office;
  readonly #publishing: TriggerPublishing;
  /** Oldest tick first. */
  readonly #waiting = new Map<JobUid, NewRun[]>();

  constructor(office: Office, publishing: TriggerPublishing) {
    this.#office = office;
    this.#publishing = publishing;
  }

  /** What the database knows as waiting; replaces what was known. */
  load(pending: readonly NewRun[]): void {
    this.#waiting.clear();
    for (const run of pending) if (run.trigger === 'catchup') this.#remember(run);
  }

  /** Publishes a run that was just committed, and withdraws those beyond the policy's number. */
  async add(run: NewRun, spec: Pick<JobSpec, 'misfirePolicy' | 'misfireLimit'>): Promise<void> {
    this.#remember(run);
    const most = spec.misfirePolicy === 'RunAll' ? spec.misfireLimit : 1;
    const waiting = this.#waiting.get(run.jobUid) ?? [];
    const reason = spec.misfirePolicy === 'RunAll' ? 'MisfireLimit' : 'Superseded';
    for (const old of waiting.splice(0, Math.max(0, waiting.length - most))) await this.#withdraw(old, reason);
    try {
      await this.#publishing.publishTrigger(run);
    } catch (error) {
      this.#office.logger.warn(
        { err: error, run: run.id },
        'a catch-up was not published at once; the sweep will do it',
      );
    }
  }

  /** Takes a trigger back, unless a worker has claimed it: then it runs. */
  async #withdraw(run: NewRun, reason: SkipReason): Promise<void> {
    if (!(await withdraw(this.#office, run))) return;
    const message = 'a later missed tick of the job takes its place';
    const { store, term, clock } = this.#office;
    await store.account(
      term,
      { skips: [], lost: [], expired: [{ run: run.id, reason, message }], catchups: [], accounted: [] },
      clock(),
    );
    this.#office.metrics.skips.inc({ reason });
  }

  #remember(run: NewRun): void {
    const waiting = this.#waiting.get(run.jobUid) ?? [];
    if (waiting.some(({ id }) => id === run.id)) return;
    waiting.push(run);
    waiting.sort((a, b) => (a.tick ?? 0) - (b.tick ?? 0));
    this.#waiting.set(run.jobUid, waiting);
  }
}
