import type { Instant, Milliseconds } from '../time.ts';
import { hashBelow } from './hash.ts';
import type { LimitedSchedule } from './limited.ts';
import type { Schedule } from './schedule.ts';

/**
 * A schedule whose ticks come later, each by an amount that is a hash of its time and a key: always the same. It is
 * less than `jitter`, and than the way to the bare schedule's next time, so that the order stays as it was.
 */
export class JitteredSchedule implements Schedule {
  private readonly base: Schedule;
  private readonly left: LimitedSchedule | Schedule;
  private readonly jitter: Milliseconds;
  private readonly key: string;

  /** `left`: what calendars leave of `base`; they judge the bare time. */
  constructor(base: Schedule, left: LimitedSchedule | Schedule, jitter: Milliseconds, key: string) {
    this.base = base;
    this.left = left;
    this.jitter = jitter;
    this.key = key;
  }

  get expression(): string {
    return this.base.expression;
  }

  get timeZone(): string {
    return this.base.timeZone;
  }

  next(after: Instant): Instant | undefined {
    // The only time whose tick may lie on the other side of `after` is the last one before it.
    const last = this.base.previous(after + 1);
    if (last !== undefined && (!('allows' in this.left) || this.left.allows(last))) {
      const tick = this.tickOf(last);
      if (tick > after) return tick;
    }
    const time = this.left.next(after);
    return time === undefined ? undefined : this.tickOf(time);
  }

  previous(before: Instant): Instant | undefined {
    const time = this.left.previous(before);
    if (time === undefined) return undefined;
    const tick = this.tickOf(time);
    if (tick < before) return tick;
    const earlier = this.left.previous(time);
    return earlier === undefined ? undefined : this.tickOf(earlier);
  }

  private tickOf(time: Instant): Instant {
    return jittered(this.base, this.jitter, this.key, time);
  }
}

/** When the tick of a time of a bare schedule comes. */
export function jittered(base: Schedule, jitter: Milliseconds, key: string, time: Instant): Instant {
  const next = base.next(time) ?? Number.POSITIVE_INFINITY;
  return time + hashBelow(Math.min(jitter, next - time), 'jitter', `${key}/${time}`);
}
