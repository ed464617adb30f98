import type { Instant, Milliseconds } from '../time.ts';
import { cycleDays } from './calendar.ts';
import { ScheduleError } from './error.ts';

/** From here on zones and calendar repeat every 400 years, and zone tables need not grow further. */
const repeating = Date.UTC(2500, 0, 1);
const cycle = cycleDays * 86_400_000;
/** The last instant that there is. */
export const latest = 8.64e15;

/** Whole cycles, in milliseconds, by which an instant is moved to come before `repeating`. */
export function cyclesBeyond(instant: Instant): Milliseconds {
  if (!(Math.abs(instant) <= latest)) {
    throw new ScheduleError('from', instant, `${instant} is no instant (allowed: ±8.64e15 milliseconds around 1970)`);
  }
  return instant < repeating ? 0 : cycle * Math.floor((instant - repeating) / cycle + 1);
}
