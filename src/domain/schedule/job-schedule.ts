import type { CalendarUse, JobCalendar } from '../calendar/calendar.ts';
import { CalendarGate } from '../calendar/gate.ts';
import type { Instant } from '../time.ts';
import { parseInstant } from './instants.ts';
import { JitteredSchedule, jittered } from './jitter.ts';
import { type FallsOut, LimitedSchedule } from './limited.ts';
import { parseSchedule } from './parse.ts';
import type { DstPolicy, Schedule } from './schedule.ts';

/** What of a job decides its ticks. */
export interface ScheduledJob {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly anchor: Instant;
  /** What the calendars that the spec names hold. */
  readonly calendars?: readonly JobCalendar[] | undefined;
  readonly spec: {
    readonly schedule: string;
    readonly timeZone?: string | undefined;
    readonly dstPolicy?: DstPolicy | undefined;
    readonly calendars?: CalendarUse | undefined;
    readonly startAt?: string | undefined;
    readonly endAt?: string | undefined;
    readonly jitterSeconds?: number | undefined;
  };
}

/**
 * The schedule of a job, the one that everybody asks: `H` is a hash of `<namespace>/<name>`, `@every` counts from its
 * anchor; then calendars, `startAt` and `endAt` take times away, by what the schedule alone says; then `jitterSeconds`
 * moves what is left. A job without any of these has the bare schedule and nothing around it.
 *
 * @throws ScheduleError
 */
export function scheduleOf(job: ScheduledJob): Schedule {
  const base = bareScheduleOf(job);
  const left = limitedOf(job, base);
  const { jitterSeconds = 0 } = job.spec;
  return jitterSeconds === 0
    ? (left ?? base)
    : new JitteredSchedule(base, left ?? base, jitterSeconds * 1_000, job.uid);
}

/** What of a job decides its ticks, and nothing else: to be kept, so that they stay the same when the job is edited. */
export function scheduledPart({ uid, namespace, name, anchor, calendars, spec }: ScheduledJob): ScheduledJob {
  const { schedule, timeZone, dstPolicy, startAt, endAt, jitterSeconds } = spec;
  return {
    ...{ uid, namespace, name, anchor },
    ...(calendars !== undefined && { calendars }),
    spec: {
      schedule,
      ...(timeZone !== undefined && { timeZone }),
      ...(dstPolicy !== undefined && { dstPolicy }),
      ...(spec.calendars !== undefined && { calendars: spec.calendars }),
      ...(startAt !== undefined && { startAt }),
      ...(endAt !== undefined && { endAt }),
      ...(jitterSeconds !== undefined && { jitterSeconds }),
    },
  };
}

/** When the tick of a time of the schedule alone comes: later by its jitter. */
export function jitterOf(job: ScheduledJob, time: Instant): Instant {
  const { jitterSeconds = 0 } = job.spec;
  return jitterSeconds === 0 ? time : jittered(bareScheduleOf(job), jitterSeconds * 1_000, job.uid, time);
}

/** A time of the schedule alone that is no tick. */
export interface LeftOut extends FallsOut {
  readonly at: Instant;
}

/**
 * The first times strictly after an instant that the schedule alone has and the job does not: at most `count`, up to
 * and including `until`.
 */
export function leftOutOf(job: ScheduledJob, after: Instant, until: Instant, count: number): readonly LeftOut[] {
  const base = bareScheduleOf(job);
  const limited = limitedOf(job, base);
  const found: LeftOut[] = [];
  if (limited === undefined) return found;
  let time = base.next(after);
  while (time !== undefined && time <= until && found.length < count) {
    const reason = limited.fallsOut(time);
    if (reason !== undefined) found.push({ at: time, ...reason });
    time = base.next(time);
  }
  return found;
}

/** What becomes of the first time in [from, to) that the schedule alone has: a tick, or why it is none. */
export function timeWithin(
  job: ScheduledJob,
  from: Instant,
  to: Instant,
): { readonly time: Instant; readonly tick?: Instant; readonly leftOut?: FallsOut } | undefined {
  const time = bareScheduleOf(job).next(from - 1);
  if (time === undefined || time >= to) return undefined;
  const leftOut = limitedOf(job, bareScheduleOf(job))?.fallsOut(time);
  return leftOut === undefined ? { time, tick: jitterOf(job, time) } : { time, leftOut };
}

function bareScheduleOf(job: ScheduledJob): Schedule {
  return parseSchedule(job.spec.schedule, {
    timeZone: job.spec.timeZone,
    dstPolicy: job.spec.dstPolicy,
    hashKey: `${job.namespace}/${job.name}`,
    anchor: job.anchor,
  });
}

/** Undefined where nothing is taken away. */
function limitedOf({ spec, calendars }: ScheduledJob, base: Schedule): LimitedSchedule | undefined {
  const { exclude = [], require = [] } = spec.calendars ?? {};
  const named = exclude.length + require.length > 0;
  const [startAt, endAt] = [parseInstant(spec.startAt ?? ''), parseInstant(spec.endAt ?? '')];
  if (!named && startAt === undefined && endAt === undefined) return undefined;
  return new LimitedSchedule(base, {
    ...(named && { gate: new CalendarGate({ exclude, require }, calendars ?? []) }),
    ...(startAt !== undefined && { startAt }),
    ...(endAt !== undefined && { endAt }),
  });
}
