import type { Instant } from '../time.ts';
import type { Job } from './job.ts';
import type { JobSpec } from './spec.ts';

/** What decides which ticks a job has, and so where a new floor is needed. */
const deciding = [
  'schedule',
  'timeZone',
  'dstPolicy',
  'suspend',
  'maxRuns',
] as const satisfies readonly (keyof JobSpec)[];

/**
 * The floor of a job whose spec becomes `spec` at `now`: `now` where its ticks change, so that no tick of the past
 * ever fires by an edit or a resumption, and the old one otherwise. It never goes back, whatever a clock says.
 */
export function floorAfter(job: Pick<Job, 'floor' | 'spec'>, spec: JobSpec, now: Instant): Instant {
  return deciding.some(field => job.spec[field] !== spec[field]) ? Math.max(job.floor, now) : job.floor;
}
