/** The schedule language: expressions in, ticks out. Published as `cronmesh/schedule`. */
export { ScheduleError, type ScheduleField } from './error.ts';
export { type ScheduledJob, scheduleOf } from './job-schedule.ts';
export { parseSchedule } from './parse.ts';
export { countTicks, nextRuns, previousRun, type RunsOptions } from './runs.ts';
export { DstPolicy, type Schedule, type ScheduleOptions } from './schedule.ts';
