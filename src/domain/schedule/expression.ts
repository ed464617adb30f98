import { NumberSet } from './bits.ts';
import { parseDayOfMonth, parseDayOfWeek } from './day-fields.ts';
import { type DayRule, DaySet } from './days.ts';
import { ScheduleError } from './error.ts';
import { type FieldValues, parseField } from './field.ts';
import { type FieldKind, hour, minute, month, second, year } from './fields.ts';
import { Interned } from './intern.ts';
import { WallClockPattern } from './wall-clock.ts';

/** An expression of fields that was understood, before it is bound to a zone. */
export interface Expression {
  readonly pattern: WallClockPattern;
  /** Its minute or hour begins with `*`: with policy `Vixie` it follows real time. */
  readonly followsRealTime: boolean;
}

/** Reads 5 fields, 6 with leading seconds, or 7 with a trailing year too. @throws ScheduleError */
export function parseExpression(text: string, hashKey: string): Expression {
  const fields = text.split(/\s+/);
  if (fields.length < 5 || fields.length > 7) {
    throw new ScheduleError(
      'expression',
      text,
      `${JSON.stringify(text)} has ${fields.length} field${fields.length === 1 ? '' : 's'} (allowed: 5, minute hour day-of-month month day-of-week; 6, with seconds before them; 7, with a year behind them too; or a macro such as @daily)`,
    );
  }
  const [minutes = '', hours = '', days = '', months = '', weekdays = ''] = fields.slice(fields.length > 5 ? 1 : 0);
  const seconds = time(second, fields.length > 5 ? (fields[0] ?? '') : '0', hashKey);
  const minuteTimes = time(minute, minutes, hashKey);
  const hourTimes = time(hour, hours, hashKey);
  return {
    pattern: new WallClockPattern(
      seconds.set,
      minuteTimes.set,
      hourTimes.set,
      dates([days, months, weekdays, fields[6]], hashKey),
    ),
    followsRealTime: minuteTimes.star || hourTimes.star,
  };
}

interface TimeField {
  readonly set: NumberSet;
  readonly star: boolean;
}

const timeFields = new Interned<TimeField>();
const dateSets = new Interned<DaySet>();

function time(kind: FieldKind, text: string, hashKey: string): TimeField {
  const make = ({ numbers, star }: FieldValues): TimeField => ({ set: new NumberSet(numbers), star });
  if (!hasHash(text)) return timeFields.get(`${kind.field} ${text}`, () => make(parseField(kind, text, hashKey)));
  const values = parseField(kind, text, hashKey);
  return timeFields.get(`${values.star} ${[...values.numbers]}`, () => make(values));
}

function dates(texts: DateTexts, hashKey: string): DaySet {
  const text = texts.join(' ');
  if (!hasHash(text)) return dateSets.get(text, () => new DaySet(parseDates(texts, hashKey)));
  const rule = parseDates(texts, hashKey);
  return dateSets.get(JSON.stringify(rule), () => new DaySet(rule));
}

/** day-of-month, month, day-of-week, and the year where there is one. */
type DateTexts = readonly [string, string, string, string | undefined];

function parseDates([days, months, weekdays, years]: DateTexts, hashKey: string): DayRule {
  const dom = parseDayOfMonth(days, hashKey);
  const monthNumbers = [...parseField(month, months, hashKey).numbers];
  const dow = parseDayOfWeek(weekdays, hashKey);
  const rule = {
    ...dom.rule,
    ...dow.rule,
    months: monthNumbers.reduce((mask, number) => mask | (1 << number), 0),
    either: !dom.star && !dow.star,
  };
  if (years === undefined) return rule;
  const listed = [...parseField(year, years, hashKey).numbers].sort((a, b) => a - b);
  return listed.length > year.max - year.min ? rule : { ...rule, years: listed };
}

function hasHash(text: string): boolean {
  return /(^|[ ,])H/i.test(text);
}
