import { cursorPath, prefix } from '../../coordination/keys.ts';
import { type CursorRecord, decode } from '../../coordination/records.ts';
import { type Job, type JobUid, jobKey } from '../../domain/job/job.ts';
import { limitOf } from '../../domain/job/pause.ts';
import { runsLeft } from '../../domain/policy/claiming.ts';
import type { ChangedRun, JobSpell } from '../../store/store.ts';
import type { Publisher } from '../services/publisher.ts';
import type { EndingsListener } from './endings.ts';
import type { Office } from './office.ts';
import type { PolicyIndex } from './policy-index.ts';

export interface PausesOptions {
  /** Those that may pause themselves, and have not. */
  readonly jobs: PolicyIndex;
  readonly publisher: Pick<Publisher, 'publish'>;
}

/** Jobs that pause themselves: after failures in a row, and after their last run. */
export class Pauses implements EndingsListener {
  readonly #office: Office;
  readonly #options: PausesOptions;

  constructor(office: Office, options: PausesOptions) {
    this.#office = office;
    this.#options = options;
  }

  jobs(): Iterable<JobUid> {
    return this.#options.jobs.uids();
  }

  async ended(runs: readonly ChangedRun[]): Promise<void> {
    const { store, term, clock } = this.#office;
    const spells = new Map<JobUid, JobSpell>();
    for (const run of runs) {
      const spell = this.#options.jobs.get(run.jobUid);
      if (spell !== undefined) spells.set(spell.uid, spell);
    }
    const counted = runs.filter(run => spells.get(run.jobUid)?.spec.pauseAfterFailures !== undefined);
    if (counted.length > 0) this.#paused(await store.countFailures(term, counted, clock()));
    await this.settle([...spells.values()]);
  }

  /**
   * Pauses those of these jobs that have had all of their runs, unless one of them still waits for a worker: a paused
   * job's ticks are not started.
   *
   * @throws StaleTermError, CoordinationError
   */
  async settle(spells: readonly JobSpell[]): Promise<void> {
    const { store, term, clock } = this.#office;
    const limited = spells.filter(spell => spell.spec.maxRuns !== undefined && spell.until === undefined);
    if (limited.length === 0) return;
    const cursors = await this.#office.read(limited.map(spell => cursorPath(jobKey(spell))));
    const over: Parameters<typeof store.pauseAtLimit>[1][number][] = [];
    for (const [i, spell] of limited.entries()) {
      const cursor = cursors[i];
      if (cursor === undefined || runsLeft(limitOf(spell), decode<CursorRecord>(cursor).counted) > 0) continue;
      const waiting = await this.#office.list(`${prefix.trigger}${jobKey(spell)}/`);
      if (waiting.length > 0) continue;
      const detail = `it has had its ${spell.spec.maxRuns} runs (maxRuns)`;
      over.push({ uid: spell.uid, countsFrom: spell.countsFrom, detail });
    }
    if (over.length > 0) this.#paused(await store.pauseAtLimit(term, over, clock()));
  }

  #paused(jobs: readonly Job[]): void {
    const { logger, metrics } = this.#office;
    if (jobs.length === 0) return;
    for (const job of jobs) {
      metrics.pauses.inc({ reason: job.paused?.reason ?? '' });
      logger.info({ job: jobKey(job), reason: job.paused?.reason }, `a job has paused itself: ${job.paused?.detail}`);
    }
    // The sweep of the outbox does what fails here.
    this.#options.publisher.publish(jobs).catch((error: unknown) => {
      logger.debug({ err: error }, 'pauses were not published at once');
    });
  }
}
