import type { Instant } from '../time.ts';

/**
 * What a schedule does where a zone's clock jumps. `Vixie`: a time in a gap runs once, at the gap's end, a repeated
 * time runs once, the first, and expressions whose minute or hour begins with `*` follow real time. `Literal`: the
 * wall clock as it is: a time in a gap never comes, a repeated one comes twice.
 */
export const DstPolicy = { Vixie: 'Vixie', Literal: 'Literal' } as const;
export type DstPolicy = (typeof DstPolicy)[keyof typeof DstPolicy];

export interface ScheduleOptions {
  /** An IANA zone, or whatever else `Intl` takes. A `CRON_TZ=` or `TZ=` prefix goes before it. Default `UTC`. */
  readonly timeZone?: string | undefined;
  /** Default `Vixie`. */
  readonly dstPolicy?: DstPolicy | undefined;
  /** What `H` is a hash of: a job's `<namespace>/<name>`. Default the empty string. */
  readonly hashKey?: string | undefined;
  /** The instant from which `@every` counts. Without it, `@every` counts from the instant that is asked about. */
  readonly anchor?: Date | number | string | undefined;
}

/** A schedule that was understood. Immutable; without clock or state. */
export interface Schedule {
  /** As it was given. */
  readonly expression: string;
  /** The zone in force: of the prefix, the option, or `UTC`. */
  readonly timeZone: string;
  /** The first tick strictly after an instant; undefined when there is none any more. */
  next(after: Instant): Instant | undefined;
  /** The last tick strictly before an instant; undefined when there was none. */
  previous(before: Instant): Instant | undefined;
}
