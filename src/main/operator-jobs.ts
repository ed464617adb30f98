import { CronmeshError, type ErrorCode } from '../domain/errors.ts';
import { needsClause } from '../domain/policy/eligibility.ts';
import type { JobService } from '../master/services/jobs.ts';
import type { WorkerDirectory } from '../master/services/workers.ts';
import type { ResourceJobs, ResourceRuns } from '../operator/ports.ts';
import type { Store } from '../store/store.ts';

/** Newest runs that are read of a job: its status keeps five that ended, and some may go on. */
const recentRuns = 10;
const page = 250;

/** The jobs of resources through the job service of the masters: a resource's change is published as one by REST is. */
export function resourceJobs(
  jobs: JobService,
  store: Pick<Store, 'getJob' | 'listJobs'>,
  workers: Pick<WorkerDirectory, 'current' | 'eligible'>,
): ResourceJobs {
  const by = 'kubernetes';
  return {
    get: ref => store.getJob(ref.namespace, ref.name),
    create: async manifest => (await jobs.apply(manifest, { absent: true }, by)).job,
    replace: async ({ uid }, manifest) => (await jobs.apply(manifest, { match: 'any', uid }, by)).job,
    delete: async job => {
      try {
        await jobs.delete(job, { uid: job.uid }, by);
      } catch (error) {
        // Another one of the name: this one is gone.
        if (!hasCode(error, 'NotFound') && !hasCode(error, 'StaleRevision')) throw error;
      }
    },
    unserved: ({ spec }) =>
      workers.current && workers.eligible(spec).length === 0
        ? `no ready worker matches (${needsClause(spec)})`
        : undefined,
    async *all() {
      let cursor: string | undefined;
      do {
        const { items, next } = await store.listJobs({
          source: by,
          limit: page,
          ...(cursor !== undefined && { cursor }),
        });
        yield items;
        cursor = next;
      } while (cursor !== undefined);
    },
  };
}

export function resourceRuns(store: Pick<Store, 'runsChangedAfter' | 'lastRunChange' | 'runSummaries'>): ResourceRuns {
  return {
    changedAfter: (after, limit) => store.runsChangedAfter('kubernetes', after, limit),
    lastChange: () => store.lastRunChange(),
    summaries: uids => store.runSummaries(uids, recentRuns),
  };
}

function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof CronmeshError && error.code === code;
}
