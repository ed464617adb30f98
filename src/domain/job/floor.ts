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
  'calendars',
  'startAt',
  'endAt',
  'jitterSeconds',
] as const satisfies readonly (keyof JobSpec)[];

/** A job as far as it decides its ticks. */
type Deciding = Pick<Job, 'calendars'> & { readonly spec: JobSpec };

/** Whether the same ticks come of both: of their specs, and of what is in the calendars that these name. */
export function sameTicks(one: Deciding, other: Deciding): boolean {
  return textOf(one) === textOf(other);
}

/** Fields come in the schema's order, and names of calendars count as they are written. */
function textOf({ spec, calendars }: Deciding): string {
  const { exclude = [], require = [] } = spec.calendars ?? {};
  const fields = deciding.map(field => (field === 'calendars' ? [exclude, require] : (spec[field] ?? null)));
  return JSON.stringify([fields, calendars ?? []]);
}

/**
 * The floor of a job whose spec becomes `spec` at `now`: `now` where its ticks change, so that no tick of the past
 * ever fires by an edit or a resumption, and the old one otherwise. It never goes back, whatever a clock says. What
 * its calendars hold is the store's to compare, which looks them up.
 */
export function floorAfter(job: Pick<Job, 'floor' | 'spec'>, spec: JobSpec, now: Instant): Instant {
  return sameTicks({ spec: job.spec }, { spec }) ? job.floor : Math.max(job.floor, now);
}
