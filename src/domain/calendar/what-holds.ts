import { offsetIn } from '../schedule/local-time.ts';
import type { Instant } from '../time.ts';
import { midnight, windowsOf } from './compile.ts';
import { type CalendarSpec, isDate } from './spec.ts';

const day = 86_400_000;
const week = 7 * day;

/** Which part of a calendar holds an instant, for people: `2026-12-25`, `2026-12-24 to 2026-12-26`, `Mon 22:00-06:00`. */
export function whatHolds(spec: CalendarSpec, instant: Instant): string {
  const wall = instant + offsetIn(spec.timeZone, instant);
  const date = new Date(wall).toISOString().slice(0, 10);
  if (spec.dates.includes(date)) return date;
  const range = spec.ranges.find(({ from, to }) =>
    isDate(from)
      ? midnight(from) <= wall && wall < midnight(to) + day
      : Date.parse(from) <= instant && instant < Date.parse(to),
  );
  if (range !== undefined) return `${range.from} to ${range.to}`;
  const ofWeek = wall - Math.floor(wall / week) * week;
  const window = spec.weekly.find(one =>
    windowsOf(one).some(([from, to]) => [0, week].some(turn => from <= ofWeek + turn && ofWeek + turn < to)),
  );
  if (window === undefined) return date;
  return `${window.days.join(',')}${window.from === undefined ? '' : ` ${window.from}-${window.to}`}`;
}
