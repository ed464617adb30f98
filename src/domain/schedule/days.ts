import { nextBit, previousBit } from './bits.ts';
import { civilDay, dayNumber, daysInMonth, weekday } from './calendar.ts';

/** What the day fields of an expression ask for. Bit 0 of a day mask is the 1st, of a weekday mask Sunday. */
export interface DayRule {
  readonly months: number;
  readonly days: number;
  readonly lastDay: boolean;
  readonly lastWorkday: boolean;
  /** Days n of `nW`. */
  readonly nearestWorkday: number;
  readonly weekdays: number;
  /** For each k from 1 to 5 the weekdays of `n#k`. */
  readonly nthWeekdays: readonly number[];
  readonly lastWeekdays: number;
  /** Both day-of-month and day-of-week are restricted: either matches. Otherwise both must. */
  readonly either: boolean;
  /** In ascending order; absent when every year matches. */
  readonly years?: readonly number[];
}

/**
 * Whatever days a rule without years asks for come again within 40 years (28, and 12 more across a century that has
 * no leap day): a rule that found none in that time, as 31 February, never will.
 */
const horizonYears = 41;
const everyMonth = 0x1ffe;

/** The days of a rule, searched a month at a time. */
export class DaySet {
  private readonly rule: DayRule;
  /** No restriction at all, as most expressions have it. */
  private readonly everyDay: boolean;
  private readonly plain: boolean;

  constructor(rule: DayRule) {
    this.rule = rule;
    this.plain =
      !rule.lastDay &&
      !rule.lastWorkday &&
      rule.nearestWorkday === 0 &&
      rule.lastWeekdays === 0 &&
      rule.nthWeekdays.every(mask => mask === 0);
    this.everyDay =
      this.plain &&
      rule.days === 0x7fffffff &&
      rule.weekdays === 0x7f &&
      rule.months === everyMonth &&
      rule.years === undefined;
  }

  /** The first day of the set at or after a day number; undefined when there is none. */
  next(from: number): number | undefined {
    if (this.everyDay) return from;
    const { months } = this.rule;
    const start = civilDay(from);
    const limit = start.year + horizonYears;
    for (let year = this.yearFrom(start.year, limit); year !== undefined; year = this.yearFrom(year + 1, limit)) {
      const inside = year === start.year;
      for (let month = nextBit(months, inside ? start.month : 1); month >= 0; month = nextBit(months, month + 1)) {
        const found = nextBit(this.daysOf(year, month), inside && month === start.month ? start.day - 1 : 0);
        if (found >= 0) return dayNumber(year, month, found + 1);
      }
    }
    return undefined;
  }

  /** The last day of the set at or before a day number; undefined when there is none. */
  previous(from: number): number | undefined {
    if (this.everyDay) return from;
    const { months } = this.rule;
    const start = civilDay(from);
    const limit = start.year - horizonYears;
    for (let year = this.yearTo(start.year, limit); year !== undefined; year = this.yearTo(year - 1, limit)) {
      const inside = year === start.year;
      for (
        let month = previousBit(months, inside ? start.month : 12);
        month >= 0;
        month = previousBit(months, month - 1)
      ) {
        const found = previousBit(this.daysOf(year, month), inside && month === start.month ? start.day - 1 : 30);
        if (found >= 0) return dayNumber(year, month, found + 1);
      }
    }
    return undefined;
  }

  /** The first year to search at or after one. Listed years have no horizon: they end by themselves. */
  private yearFrom(year: number, limit: number): number | undefined {
    if (this.rule.years) return this.rule.years.find(one => one >= year);
    return year <= limit ? year : undefined;
  }

  private yearTo(year: number, limit: number): number | undefined {
    if (this.rule.years) return this.rule.years.findLast(one => one <= year);
    return year >= limit ? year : undefined;
  }

  /** The matching days of a month, bit 0 for the 1st. */
  private daysOf(year: number, month: number): number {
    const { rule } = this;
    const length = daysInMonth(year, month);
    const all = 2 ** length - 1;
    const first = weekday(dayNumber(year, month, 1));
    let days = rule.days;
    let weekdays = everyWeek(rule.weekdays, first);
    if (!this.plain) {
      if (rule.lastDay) days |= 1 << (length - 1);
      if (rule.lastWorkday) days |= 1 << (nearestWorkday(length, length, first) - 1);
      for (let n = nextBit(rule.nearestWorkday, 0); n >= 0 && n < length; n = nextBit(rule.nearestWorkday, n + 1)) {
        days |= 1 << (nearestWorkday(n + 1, length, first) - 1);
      }
      for (let k = 0; k < 5; k++) {
        const mask = rule.nthWeekdays[k] ?? 0;
        if (mask !== 0) weekdays |= inFirstWeek(mask, first) << (7 * k);
      }
      weekdays |= everyWeek(rule.lastWeekdays, first) & ~(2 ** (length - 7) - 1);
    }
    return (rule.either ? days | weekdays : days & weekdays) & all;
  }
}

/** A weekday mask as a mask of days 1 to 7 in a month whose 1st is the weekday `first`. */
function inFirstWeek(weekdays: number, first: number): number {
  return ((weekdays >> first) | (weekdays << (7 - first))) & 0x7f;
}

function everyWeek(weekdays: number, first: number): number {
  const week = inFirstWeek(weekdays, first);
  return week | (week << 7) | (week << 14) | (week << 21) | (week << 28);
}

/** The Monday to Friday nearest to a day, without leaving its month. For the last day this is `LW` as well. */
function nearestWorkday(day: number, length: number, first: number): number {
  const at = (first + day - 1) % 7;
  if (at === 6) return day === 1 ? 3 : day - 1;
  if (at === 0) return day === length ? day - 2 : day + 1;
  return day;
}
