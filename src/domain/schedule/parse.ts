import { ScheduleError } from './error.ts';
import type { Schedule, ScheduleOptions } from './schedule.ts';

/** Reads a schedule. @throws ScheduleError that names the field, the value and what is allowed */
export function parseSchedule(expression: string, _options: ScheduleOptions = {}): Schedule {
  throw new ScheduleError('expression', expression, 'is not understood');
}
