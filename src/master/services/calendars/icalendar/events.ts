import ICAL from 'ical.js';
import { parseSchedule } from '../../../../domain/schedule/index.ts';
import { parseInstant } from '../../../../domain/schedule/instants.ts';
import type { Milliseconds } from '../../../../domain/time.ts';
import { wrong } from './lines.ts';
import { dayOf, instantOf, isFloating, type ZoneOf } from './times.ts';

const day = 86_400_000;

/** How long an event takes: days on the wall clock, and then so much time. Only days where it begins on a date. */
export interface Length {
  readonly days: number;
  readonly rest: Milliseconds;
}

/** A VEVENT, as far as times are concerned. */
export interface IcalEvent {
  /** Of its BEGIN in the file. */
  readonly line: number;
  readonly uid: string;
  readonly start: ICAL.Time;
  readonly zone: ZoneOf;
  readonly length: Length;
  /** It stands for the occurrence of its series that was then. */
  readonly id?: ICAL.Time;
  readonly idZone: ZoneOf;
  /** And for those after it. */
  readonly andFuture: boolean;
  readonly cancelled: boolean;
  readonly rules: readonly ICAL.Recur[];
  readonly added: readonly ICAL.Time[];
  readonly excluded: readonly { readonly time: ICAL.Time; readonly zone: ZoneOf }[];
}

/**
 * Reads a VEVENT. `zone` is the calendar's, for times that name none.
 *
 * @throws CronmeshError InvalidInput that names the line and the property
 */
export function readEvent(component: ICAL.Component, line: number, zone: ZoneOf): IcalEvent {
  const bad = (what: string, cause?: unknown) => wrong(line, `begins a VEVENT ${what}`, cause);
  try {
    const none = noSuchTime(component);
    if (none !== undefined) throw bad(none);
    const dtstart = component.getFirstProperty('dtstart');
    const start = timeOf(dtstart);
    if (dtstart === null || start === undefined) throw bad('without a DTSTART that is a date or a time');
    const own = zoneOf(dtstart, zone);
    const id = component.getFirstProperty('recurrence-id');
    const idTime = timeOf(id);
    return {
      line,
      uid: String(component.getFirstPropertyValue('uid') ?? `line ${line}`),
      start,
      zone: own,
      length: lengthOf(component, start, own, zone),
      ...(idTime !== undefined && { id: idTime }),
      idZone: zoneOf(id, zone),
      andFuture: String(id?.getParameter('range') ?? '').toUpperCase() === 'THISANDFUTURE',
      cancelled: String(component.getFirstPropertyValue('status') ?? '').toUpperCase() === 'CANCELLED',
      rules: component.getAllProperties('rrule').flatMap(one => one.getValues() as ICAL.Recur[]),
      added: component.getAllProperties('rdate').flatMap(one => one.getValues().flatMap(value => asTime(value) ?? [])),
      excluded: component.getAllProperties('exdate').flatMap(one =>
        one.getValues().flatMap(value => {
          const time = asTime(value);
          return time === undefined ? [] : [{ time, zone: zoneOf(one, zone) }];
        }),
      ),
    };
  } catch (error) {
    if (error instanceof Error && error.name === 'CronmeshError') throw error;
    throw bad(`that cannot be read: ${(error as Error).message}`, error);
  }

  /** A TZID that the file does not define is taken for the name of an IANA zone. */
  function zoneOf(property: ICAL.Property | null, calendar: ZoneOf): ZoneOf {
    const tzid = property?.getParameter('tzid');
    const time = timeOf(property);
    if (typeof tzid !== 'string' || time === undefined || !isFloating(time) || time.isDate) return calendar;
    // As some programs write it: /mozilla.org/20050126_1/Europe/Berlin.
    const name = tzid.replace(/^\/[^/]+\/[^/]+\//, '');
    try {
      parseSchedule('@manually', { timeZone: name });
    } catch (error) {
      const where = property?.name.toUpperCase();
      throw bad(
        `whose ${where} is in TZID ${tzid}, which the file does not define (VTIMEZONE) and which is no IANA zone`,
        error,
      );
    }
    return { name };
  }
}

/** DTEND, or DURATION; without either a day, and for times nothing. */
function lengthOf(component: ICAL.Component, start: ICAL.Time, own: ZoneOf, zone: ZoneOf): Length {
  const dtend = component.getFirstProperty('dtend');
  const end = timeOf(dtend);
  if (end !== undefined) {
    if (start.isDate) return { days: Math.max(1, dayOf(end) - dayOf(start)), rest: 0 };
    const tzid = dtend?.getParameter('tzid');
    const endZone = typeof tzid === 'string' && isFloating(end) ? { name: tzid } : isFloating(start) ? own : zone;
    // RFC 5545, 3.8.5.3: with DTEND each occurrence takes exactly as long, with DURATION its days are those of the clock.
    return { days: 0, rest: Math.max(0, instantOf(end, endZone) - instantOf(start, own)) };
  }
  const duration = component.getFirstPropertyValue('duration');
  if (!(duration instanceof ICAL.Duration) || duration.isNegative) return { days: start.isDate ? 1 : 0, rest: 0 };
  const days = duration.weeks * 7 + duration.days;
  const rest = ((duration.hours * 60 + duration.minutes) * 60 + duration.seconds) * 1_000;
  return start.isDate ? { days: Math.max(1, days + Math.round(rest / day)), rest: 0 } : { days, rest };
}

function timeOf(property: ICAL.Property | null): ICAL.Time | undefined {
  return asTime(property?.getFirstValue());
}

/** Of a period, its start. */
function asTime(value: unknown): ICAL.Time | undefined {
  if (value instanceof ICAL.Period) return value.start;
  return value instanceof ICAL.Time ? value : undefined;
}

/** A date that there is not, such as month 13, the library would take for another. */
function noSuchTime(component: ICAL.Component): string | undefined {
  for (const name of ['dtstart', 'dtend', 'recurrence-id', 'rdate', 'exdate']) {
    for (const property of component.getAllProperties(name)) {
      const [, , , ...values] = property.toJSON() as unknown[];
      for (const value of values) {
        if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d/.test(value)) continue;
        if (parseInstant(`${value.slice(0, 10)}${value.slice(10, 19) || 'T00:00:00'}Z`) === undefined) {
          return `whose ${name.toUpperCase()} is no time that there is: ${value}`;
        }
      }
    }
  }
  return undefined;
}
