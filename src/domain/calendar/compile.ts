import { dayNumber } from '../schedule/calendar.ts';
import { cyclesBeyond } from '../schedule/cycles.ts';
import { parseInstant } from '../schedule/instants.ts';
import { Interned } from '../schedule/intern.ts';
import { Zone } from '../schedule/zone.ts';
import type { Instant } from '../time.ts';
import { around, type Held, type Intervals, lookUp, lookUpAround, union } from './intervals.ts';
import { type CalendarSpec, isDate, type WeeklyWindow, weekdays } from './spec.ts';

const day = 86_400_000;
const week = 7 * day;
/** `since` and `until` are no further away: zone tables are not made for the centuries between. */
const farthest = 366 * day;

/**
 * A calendar ready to be asked. Dates, ranges of dates and weekly windows are read on the wall clock: an instant is
 * inside when what its zone's clock shows then is. So a time that the clock shows twice is inside, or outside, both
 * times, and one that it leaves out is never asked for.
 */
export class CompiledCalendar {
  readonly spec: CalendarSpec;
  private readonly zone: Zone;
  /** Wall times. */
  private readonly days: Intervals;
  /** Wall times of three weeks around 0, a Thursday. */
  private readonly weekly: Intervals;
  private readonly instants: Intervals;

  constructor(spec: CalendarSpec) {
    this.spec = spec;
    this.zone = Zone.named(spec.timeZone);
    const ofDates = spec.ranges.filter(({ from }) => isDate(from));
    const ofInstants = spec.ranges.filter(({ from }) => !isDate(from));
    this.days = union([
      ...spec.dates.map(date => [midnight(date), midnight(date) + day] as const),
      ...ofDates.map(({ from, to }) => [midnight(from), midnight(to) + day] as const),
    ]);
    this.weekly = around(spec.weekly.flatMap(windowsOf), week);
    this.instants = union(ofInstants.map(({ from, to }) => [parseInstant(from) ?? 0, parseInstant(to) ?? 0] as const));
  }

  /**
   * Whether the calendar holds an instant. In [since, until) the answer is the same; outside of that it may change.
   * Both are within 366 days.
   */
  at(instant: Instant): Held {
    const shift = cyclesBeyond(instant);
    const { zone } = this;
    const segment = zone.segmentAt(instant - shift);
    const offset = zone.offsets[segment] ?? 0;
    const start = (zone.starts[segment] ?? Number.NEGATIVE_INFINITY) + shift;
    const end = zone.endOf(segment, instant - shift + farthest) + shift;
    // What the wall clock shows holds within this stretch of constant offset only.
    const onWall = ({ inside, since, until }: Held): Held => ({
      inside,
      since: Math.max(since - offset, start),
      until: Math.min(until - offset, end),
    });
    const wall = instant + offset;
    const found = [
      onWall(lookUp(this.days, wall)),
      onWall(lookUpAround(this.weekly, week, wall)),
      lookUp(this.instants, instant),
    ];
    const holding = found.filter(({ inside }) => inside);
    const inside = holding.length > 0;
    const sinces = (inside ? holding : found).map(({ since }) => since);
    const untils = (inside ? holding : found).map(({ until }) => until);
    return {
      inside,
      since: Math.max(inside ? Math.min(...sinces) : Math.max(...sinces), instant - farthest),
      until: Math.min(inside ? Math.max(...untils) : Math.min(...untils), instant + farthest),
    };
  }
}

/** Jobs share calendars, and a calendar can be large: each is compiled once. */
const compiled = new Interned<CompiledCalendar>(1_000);

/** @throws ScheduleError when this version does not know the zone */
export function compileCalendar(spec: CalendarSpec): CompiledCalendar {
  return compiled.get(JSON.stringify(spec), () => new CompiledCalendar(spec));
}

/** The wall time at which a date begins. */
export function midnight(date: string): number {
  const [year = 0, month = 0, ofMonth = 0] = date.split('-').map(Number);
  return dayNumber(year, month, ofMonth) * day;
}

/** A window's stretches in the week that begins on Thursday, 1970-01-01. */
export function windowsOf(window: WeeklyWindow): (readonly [number, number])[] {
  const from = timeOfDay(window.from ?? '00:00');
  const to = timeOfDay(window.to ?? '00:00');
  return window.days.map(name => {
    // Thursday is day 0, Monday day 4.
    const begins = ((weekdays.indexOf(name) + 4) % 7) * day;
    return [begins + from, begins + to + (to <= from ? day : 0)] as const;
  });
}

function timeOfDay(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return (hours * 60 + minutes) * 60_000;
}
