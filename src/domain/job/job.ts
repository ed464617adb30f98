import { alphanumeric } from '../alphanumeric.ts';
import type { JobCalendar } from '../calendar/calendar.ts';
import type { Instant } from '../time.ts';
import type { Pause } from './pause.ts';
import type { JobSpec, Labels } from './spec.ts';

declare const brand: unique symbol;

/** A job's identity for its whole life: 16 characters of [a-z0-9], never used again after a delete. */
export type JobUid = string & { readonly [brand]: 'JobUid' };
/** `<namespace>/<name>`: where the job lives in Consul, in URLs and in messages. */
export type JobKey = `${string}/${string}`;

/** Where a job came from: who may overwrite it. */
export type JobSource = 'api' | 'consul' | 'kubernetes' | 'seed';

/** A definition: what users apply, with what the masters add. */
export interface Job {
  readonly uid: JobUid;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: JobSpec;
  /** What the calendars that its spec names hold, by name; absent where it names none. */
  readonly calendars?: readonly JobCalendar[];
  /** Counts from 1 and grows with every change; the entity tag of If-Match. */
  readonly revision: number;
  /** Ticks at or before it never fire: the creation, the last change of schedule, or the last resumption. */
  readonly floor: Instant;
  /** The instant from which `@every` counts: the job's creation. */
  readonly anchor: Instant;
  /** Runs of ticks after it count for `maxRuns`: the creation, the last change of a limit, or the last end of a pause. */
  readonly countsFrom: Instant;
  /** The job has paused itself; only a resumption or another limit ends that. */
  readonly paused?: Pause;
  readonly source: JobSource;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

export function jobKey(job: { readonly namespace: string; readonly name: string }): JobKey {
  return `${job.namespace}/${job.name}`;
}

/** The two parts of a key. */
export function splitJobKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** Makes a uid from random bytes (16 of them; each gives one character). */
export function makeJobUid(randomBytes: Uint8Array): JobUid {
  return alphanumeric(randomBytes.subarray(0, 16)) as JobUid;
}
