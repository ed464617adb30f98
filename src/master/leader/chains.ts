import { type JobUid, jobKey } from '../../domain/job/job.ts';
import type { ChangedRun } from '../../store/store.ts';
import { type EligibleWorkers, runsFor } from '../services/members.ts';
import type { AwaitedJobs } from './awaited-jobs.ts';
import type { EndingsListener } from './endings.ts';
import type { Office } from './office.ts';
import type { SpellAgenda } from './spell-agenda.ts';

export interface ChainsOptions {
  readonly agenda: Pick<SpellAgenda, 'open'>;
  readonly awaited: AwaitedJobs;
  readonly workers: EligibleWorkers;
  /** Runs were made: their triggers may be written at once. What fails here is left to the sweep. */
  readonly onRuns: () => Promise<void>;
}

/** Chains: what comes after a job has its run once the job's run has ended. The store decides; here is who hears of it. */
export class Chains implements EndingsListener {
  readonly #office: Office;
  readonly #options: ChainsOptions;

  constructor(office: Office, options: ChainsOptions) {
    this.#office = office;
    this.#options = options;
  }

  *jobs(): Iterable<JobUid> {
    const { agenda, awaited } = this.#options;
    for (const job of awaited.keys()) {
      const spell = agenda.open(job);
      if (spell !== undefined) yield spell.uid;
    }
  }

  async ended(runs: readonly ChangedRun[]): Promise<void> {
    const { store, term, clock, metrics, logger } = this.#office;
    const { awaited, workers, onRuns } = this.#options;
    const followed = runs.filter(run => awaited.has(jobKey(run)));
    if (followed.length === 0) return;
    const made = await store.followEnds(term, followed, clock(), (run, spec) => runsFor(run, spec, workers));
    for (const { state, reason } of made)
      if (state === 'Skipped' && reason !== undefined) metrics.skips.inc({ reason });
    if (!made.some(({ state }) => state === 'Pending')) return;
    await onRuns().catch((error: unknown) => {
      logger.debug({ err: error }, 'triggers of chained runs were not written at once; the sweep will do it');
    });
  }
}
