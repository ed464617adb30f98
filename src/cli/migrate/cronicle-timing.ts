import { NotConvertible } from './converted.ts';

/** When an event of Cronicle is due: each field a list of numbers, or absent for all. */
export interface Timing {
  readonly years?: readonly number[];
  readonly months?: readonly number[];
  readonly days?: readonly number[];
  readonly weekdays?: readonly number[];
  readonly hours?: readonly number[];
  readonly minutes?: readonly number[];
}

const fields = ['years', 'months', 'days', 'weekdays', 'hours', 'minutes'] as const;

/**
 * Its cron expression. Where both days and weekdays are given, both must hold there, and either is enough in a cron
 * expression: `weekdays` is then what a calendar has to require.
 *
 * @throws NotConvertible for what is no timing
 * @example expressionOf({ hours: [4, 16], minutes: [30] }) // { expression: '30 4,16 * * *' }
 */
export function expressionOf(timing: Timing): { readonly expression: string; readonly weekdays?: readonly number[] } {
  const unknown = Object.keys(timing).find(name => !(fields as readonly string[]).includes(name));
  if (unknown !== undefined) throw new NotConvertible(`timing.${unknown} is not known`);
  const { years, months, days, weekdays, hours, minutes } = timing;
  const both = isGiven(days) && isGiven(weekdays);
  const five = [
    list('minutes', minutes, 0, 59),
    list('hours', hours, 0, 23),
    list('days', days, 1, 31),
    list('months', months, 1, 12),
    both ? '*' : list('weekdays', weekdays, 0, 6),
  ];
  const expression = isGiven(years) ? ['0', ...five, list('years', years, 1970, 2499)] : five;
  return { expression: expression.join(' '), ...(both && weekdays !== undefined && { weekdays }) };
}

const isGiven = (values: readonly number[] | undefined): boolean => values !== undefined && values.length > 0;

/** All, a step from the first on, or ranges and numbers. */
function list(name: string, values: readonly number[] | undefined, least: number, most: number): string {
  if (values === undefined || values.length === 0) return '*';
  const wrong = values.find(value => !Number.isInteger(value) || value < least || value > most);
  if (wrong !== undefined) throw new NotConvertible(`timing.${name}: ${wrong} is not from ${least} to ${most}`);
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const [first = least, second = least] = sorted;
  const step = second - first;
  const even = sorted.every((value, i) => value === first + i * step) && (sorted.at(-1) ?? 0) + step > most;
  if (first === least && sorted.length > 2 && even) return step === 1 ? '*' : `*/${step}`;
  const ranges: [number, number][] = [];
  for (const value of sorted) {
    const last = ranges.at(-1);
    if (last !== undefined && value === last[1] + 1) last[1] = value;
    else ranges.push([value, value]);
  }
  return ranges
    .flatMap(([from, to]) => (to - from > 1 ? [`${from}-${to}`] : to > from ? [`${from}`, `${to}`] : [`${from}`]))
    .join(',');
}
