import type { JobUid } from '../../domain/job/job.ts';
import type { Instant, Milliseconds } from '../../domain/time.ts';
import type { WorkerDirectory } from '../services/workers.ts';
import type { Census } from './census.ts';
import type { Office } from './office.ts';
import type { SpellAgenda } from './spell-agenda.ts';

export interface JobCountsParts {
  readonly agenda: SpellAgenda;
  readonly census: Census;
  readonly workers: Pick<WorkerDirectory, 'eligible'>;
}

/** So many of a job's newest runs failed: it is failing. One failure is no news. */
const failuresInARow = 3;
/** Beyond it the number is not the news. */
const mostFailing = 1_000;
const lookEvery: Milliseconds = 10_000;
/** What is committed late, or by a master whose clock is behind, is still looked at. */
const overlap: Milliseconds = 30_000;

/** What metrics show of jobs: how many there are, are failing, and have no worker; and how far the audit is behind. */
export class JobCounts {
  readonly #office: Office;
  readonly #parts: JobCountsParts;
  #failing: readonly JobUid[] = [];
  /** When it was looked for failing jobs; at first all jobs are looked at. */
  #lookedAt: Instant | undefined;

  constructor(office: Office, parts: JobCountsParts) {
    this.#office = office;
    this.#parts = parts;
  }

  /** @throws when the database is away */
  async pass(): Promise<void> {
    const { metrics, clock } = this.#office;
    const { agenda, census, workers } = this.#parts;
    const now = clock();
    for (const [state, count] of Object.entries(census.counts())) metrics.jobs.set({ state }, count);
    metrics.jobsWithoutWorker.set(census.withoutWorker(needs => workers.eligible(needs).length > 0));
    metrics.spells.set(agenda.size);
    metrics.auditLag.set(Math.max(0, now - (agenda.nextAt ?? now)) / 1_000);
    if (this.#lookedAt === undefined || now - this.#lookedAt >= lookEvery) await this.#lookForFailing(now);
  }

  async #lookForFailing(now: Instant): Promise<void> {
    const { store, metrics } = this.#office;
    const { census } = this.#parts;
    this.#failing = await store.failingJobs({
      ...(this.#lookedAt !== undefined && { since: this.#lookedAt - overlap, known: this.#failing }),
      inARow: failuresInARow,
      limit: mostFailing,
    });
    this.#lookedAt = now;
    metrics.jobsFailing.set(this.#failing.filter(uid => census.isAlive(uid)).length);
  }
}
