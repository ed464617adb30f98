import type { Instant } from '../time.ts';
import { ScheduleError } from './error.ts';
import { toInstant } from './instants.ts';
import { parseSchedule } from './parse.ts';
import type { Schedule, ScheduleOptions } from './schedule.ts';

/** Options of a bare computation. */
export interface RunsOptions extends ScheduleOptions {
  /** Ticks strictly after (for previousRun: before) this instant; a string is RFC 3339. Default: now, by the machine's clock. */
  readonly from?: Date | number | string | undefined;
  /** How many ticks, from 0. Default 1. */
  readonly count?: number | undefined;
}

/**
 * The next ticks of an expression, strictly after `from`; fewer than `count` when the schedule ends before.
 *
 * @example nextRuns('30 2 * * *', { timeZone: 'Europe/Berlin', from: '2026-03-28T12:00:00Z', count: 2 })
 * // 2026-03-29T01:00:00Z (02:30 does not exist: the gap's end) and 2026-03-30T00:30:00Z
 * @throws ScheduleError
 */
export function nextRuns(expression: string, options: RunsOptions = {}): Date[] {
  const { from = Date.now(), count = 1, ...rest } = options;
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new ScheduleError('count', count, `${JSON.stringify(count)} is not a whole number from 0`);
  }
  const schedule = parseSchedule(expression, rest);
  const runs: Date[] = [];
  let tick: Instant | undefined = toInstant('from', from);
  while (runs.length < count) {
    tick = schedule.next(tick);
    if (tick === undefined) break;
    runs.push(new Date(tick));
  }
  return runs;
}

/** The last tick of an expression strictly before `from`. @throws ScheduleError */
export function previousRun(expression: string, options: Omit<RunsOptions, 'count'> = {}): Date | undefined {
  const { from = Date.now(), ...rest } = options;
  const tick = parseSchedule(expression, rest).previous(toInstant('from', from));
  return tick === undefined ? undefined : new Date(tick);
}

/** How many ticks lie in (from, to], counted up to `limit`. */
export function countTicks(schedule: Schedule, from: Instant, to: Instant, limit: number): number {
  let count = 0;
  let tick = schedule.next(from);
  while (tick !== undefined && tick <= to && count < limit) {
    count++;
    tick = schedule.next(tick);
  }
  return count;
}
