import ICAL from 'ical.js';
import { dayNumber } from '../../../../domain/schedule/calendar.ts';
import { offsetIn, readTime } from '../../../../domain/schedule/local-time.ts';
import type { Instant } from '../../../../domain/time.ts';

/** Where a time without a zone of its own belongs. */
export interface ZoneOf {
  /** The name of an IANA zone: of a TZID that the file does not define, or the calendar's. */
  readonly name: string;
}

/** The day number of a date. */
export function dayOf(time: ICAL.Time): number {
  return dayNumber(time.year, time.month, time.day);
}

/** The instant of a date and time. A VTIMEZONE of the file decides before the zone's name. */
export function instantOf(time: ICAL.Time, zone: ZoneOf): Instant {
  if (!isFloating(time)) return time.toUnixTime() * 1_000;
  const text = `${time.toString().slice(0, 10)} ${time.toString().slice(11, 19)}`;
  return readTime(text, zone.name, 0)?.at ?? Number.NaN;
}

/** What a zone's wall clock shows at an instant, as the library has times without a zone. */
export function floatingAt(instant: Instant, zone: ZoneOf): ICAL.Time {
  const shown = new Date(instant + offsetIn(zone.name, instant));
  const parts = {
    year: shown.getUTCFullYear(),
    month: shown.getUTCMonth() + 1,
    day: shown.getUTCDate(),
    hour: shown.getUTCHours(),
    minute: shown.getUTCMinutes(),
    second: shown.getUTCSeconds(),
    isDate: false,
  };
  return new ICAL.Time(parts, ICAL.Timezone.localTimezone);
}

export const isFloating = (time: ICAL.Time): boolean => time.zone === ICAL.Timezone.localTimezone;

/** Tells occurrences apart: a date, or an instant. */
export function keyOf(time: ICAL.Time, zone: ZoneOf): string {
  return time.isDate ? `day ${dayOf(time)}` : `at ${instantOf(time, zone)}`;
}
