import type { Job, JobUid } from '../domain/job/job.ts';
import type { ValidManifest } from '../domain/job/validate.ts';
import type { Instant } from '../domain/time.ts';
import type { ChangedRun, ChangePosition, RunSummary } from '../store/store.ts';
import type { ResourceRef } from './resource.ts';

/**
 * What the operator needs of the masters' side: jobs of source `kubernetes` and their runs. `src/main` wires it to the
 * job service, so that a change by a resource is published as one by REST is. Every method throws CronmeshError.
 */
export interface ResourceJobs {
  get(ref: ResourceRef): Promise<Job | undefined>;
  /** @throws CronmeshError StaleRevision where there is a job of this name */
  create(manifest: ValidManifest): Promise<Job>;
  /** Changes this very job; the same content makes no new revision. @throws CronmeshError StaleRevision where it is gone */
  replace(job: Job, manifest: ValidManifest): Promise<Job>;
  /** Deletes this very job. Where it is gone already, that is well. */
  delete(job: Pick<Job, 'namespace' | 'name' | 'uid'>): Promise<void>;
  /** That no ready worker may run it, as things are now; undefined when one may, and when that is not known. */
  unserved?(job: Job): string | undefined;
  /** All jobs that come from resources, of any cluster, in pages. */
  all(): AsyncIterable<readonly Job[]>;
}

export interface ResourceRuns {
  changedAfter(after: ChangePosition, limit: number): Promise<readonly ChangedRun[]>;
  lastChange(): Promise<Instant | undefined>;
  summaries(uids: readonly JobUid[]): Promise<ReadonlyMap<JobUid, RunSummary>>;
}
