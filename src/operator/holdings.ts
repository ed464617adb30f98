import { type Job, type JobKey, jobKey } from '../domain/job/job.ts';
import type { RunSummary } from '../store/store.ts';

/** A resource's job as it was last read or written, and what its runs come to; `runs` is undefined until it was asked. */
export interface Holding {
  readonly job: Job;
  readonly runs: RunSummary | undefined;
}

const noRuns: RunSummary = { active: 0, recent: [] };

/** The jobs that resources have, so that a resource that did not change costs no read of the database. */
export class Holdings {
  readonly #holdings = new Map<JobKey, Holding>();

  get(key: JobKey): Holding | undefined {
    return this.#holdings.get(key);
  }

  /** Of a job that was just made: it has no runs. */
  created(job: Job): void {
    this.#holdings.set(jobKey(job), { job, runs: noRuns });
  }

  /** As it was read or changed; what is older than what is known changes nothing. */
  put(job: Job): void {
    const before = this.#holdings.get(jobKey(job));
    const same = before?.job.uid === job.uid ? before : undefined;
    if (same !== undefined && same.job.revision > job.revision) return;
    this.#holdings.set(jobKey(job), { job, runs: same?.runs });
  }

  summarize(key: JobKey, uid: string, runs: RunSummary | undefined): void {
    const before = this.#holdings.get(key);
    if (before?.job.uid === uid) this.#holdings.set(key, { job: before.job, runs: runs ?? noRuns });
  }

  forget(key: JobKey): void {
    this.#holdings.delete(key);
  }

  values(): readonly Holding[] {
    return [...this.#holdings.values()];
  }
}
