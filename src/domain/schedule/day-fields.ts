import type { DayRule } from './days.ts';
import { parseField, parseNumber, refuse } from './field.ts';
import { dayOfMonth, dayOfWeek } from './fields.ts';

/** A day field: its share of the rule, and whether it begins with `*` or `?` and so counts as unrestricted. */
interface DayField<K extends keyof DayRule> {
  readonly rule: Pick<DayRule, K>;
  readonly star: boolean;
}

/** day-of-month: the common grammar, and `L`, `LW`, `nW`. */
export function parseDayOfMonth(
  text: string,
  hashKey: string,
): DayField<'days' | 'lastDay' | 'lastWorkday' | 'nearestWorkday'> {
  let lastDay = false;
  let lastWorkday = false;
  let nearestWorkday = 0;
  const { numbers, star } = parseField(dayOfMonth, text, hashKey, item => {
    if (/^L$/i.test(item)) lastDay = true;
    else if (/^LW$/i.test(item)) lastWorkday = true;
    else if (/^\d+W$/i.test(item)) nearestWorkday |= 1 << (parseNumber(dayOfMonth, item.slice(0, -1)) - 1);
    else if (/^[-\dLW/]*[LW][-\dLW/]*$/i.test(item)) refuse(dayOfMonth, item, standAlone(item, 'L, LW and nW'));
    else return false;
    return true;
  });
  const days = [...numbers].reduce((mask, day) => mask | (1 << (day - 1)), 0);
  return { rule: { days, lastDay, lastWorkday, nearestWorkday }, star };
}

/** day-of-week: the common grammar, and `n#k`, `nL`. */
export function parseDayOfWeek(text: string, hashKey: string): DayField<'weekdays' | 'nthWeekdays' | 'lastWeekdays'> {
  const nthWeekdays = [0, 0, 0, 0, 0];
  let lastWeekdays = 0;
  const { numbers, star } = parseField(dayOfWeek, text, hashKey, item => {
    if (/^L$/i.test(item))
      refuse(dayOfWeek, item, 'L alone has no meaning here: write 5L for the last Friday of a month');
    if (!/[L#]/i.test(item)) return false;
    const parts = /^(\w+?)(?:L|#(\d+))$/i.exec(item);
    if (!parts) refuse(dayOfWeek, item, standAlone(item, 'n#k and nL'));
    const bit = 1 << (parseNumber(dayOfWeek, parts[1] ?? '') % 7);
    const nth = parts[2] === undefined ? undefined : Number(parts[2]);
    if (nth === undefined) {
      lastWeekdays |= bit;
      return true;
    }
    if (nth < 1 || nth > 5) refuse(dayOfWeek, item, `the k of ${item} is out of range: a weekday comes 1 to 5 times`);
    nthWeekdays[nth - 1] = (nthWeekdays[nth - 1] ?? 0) | bit;
    return true;
  });
  const weekdays = [...numbers].reduce((mask, day) => mask | (1 << day), 0);
  return { rule: { weekdays, nthWeekdays, lastWeekdays }, star };
}

function standAlone(item: string, which: string): string {
  return `${JSON.stringify(item)} is not understood: ${which} stand alone or in lists, never in ranges or with steps`;
}
