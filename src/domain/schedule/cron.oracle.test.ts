import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type DstPolicy, parseSchedule } from './index.ts';

/**
 * A slow second implementation that shares nothing with the engine: it lets a zone's clock tick through a window, as
 * `Intl` shows it, and looks at every reading. Expressions are made as lists of conditions, not read from text.
 */

const rounds = Number(process.env.CRONMESH_ORACLE_RUNS ?? 60);

/** A clock's reading, as one number of seconds that Date.UTC gives for its fields: only to order and to take apart. */
type Reading = number;
interface Moment {
  readonly instant: number;
  readonly reading: Reading;
}
type Condition = (number: number) => boolean;

interface Generated {
  readonly text: string;
  readonly matches: (reading: Reading) => boolean;
  readonly realTime: boolean;
}

const readings = new Map<string, readonly Moment[]>();

/** Every reading of a zone's clock in a window, one for each `step` milliseconds. */
function walk(zone: string, from: string, hours: number, step: number): readonly Moment[] {
  const key = `${zone} ${from} ${hours} ${step}`;
  const known = readings.get(key);
  if (known) return known;
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  const start = Date.parse(from);
  const moments = Array.from({ length: (hours * 3_600_000) / step }, (_, i) => {
    const instant = start + i * step;
    const [day, month, year, hour, minute, second] = (format.format(instant).match(/\d+/g) ?? []).map(Number);
    return { instant, reading: Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second) };
  });
  readings.set(key, moments);
  return moments;
}

/** The ticks in a window by the policy's own words. */
function expectedTicks(
  { matches, realTime }: Generated,
  moments: readonly Moment[],
  policy: DstPolicy,
  step: number,
): number[] {
  const shown = moments.filter(({ reading }) => matches(reading)).map(({ instant }) => instant);
  if (policy === 'Literal' || realTime) return shown;
  const ticks = new Set<number>();
  const firstOf = new Map<Reading, number>();
  let highest = (moments[0]?.reading ?? 0) - step;
  for (const { instant, reading } of moments) {
    // Readings that the clock jumped over belong to the instant at which it jumped.
    for (let missed = highest + step; missed < reading; missed += step) if (matches(missed)) ticks.add(instant);
    if (!firstOf.has(reading)) {
      firstOf.set(reading, instant);
      if (matches(reading)) ticks.add(instant);
    }
    highest = Math.max(highest, reading);
  }
  return [...ticks].sort((a, b) => a - b);
}

const part = (reading: Reading) => new Date(reading);
const monthLength = (reading: Reading): number =>
  new Date(Date.UTC(part(reading).getUTCFullYear(), part(reading).getUTCMonth() + 1, 0)).getUTCDate();
const weekdayOf = (reading: Reading, day: number): number =>
  new Date(Date.UTC(part(reading).getUTCFullYear(), part(reading).getUTCMonth(), day)).getUTCDay();
const isWorkday = (reading: Reading, day: number): boolean => ![0, 6].includes(weekdayOf(reading, day));

interface Item {
  readonly text: string;
  readonly holds: Condition;
}

const number = (min: number, max: number): fc.Arbitrary<Item> =>
  fc.integer({ min, max }).map(n => ({ text: `${n}`, holds: value => value === n }));
const range = (min: number, max: number): fc.Arbitrary<Item> =>
  fc
    .tuple(fc.integer({ min, max }), fc.integer({ min, max }), fc.option(fc.integer({ min: 1, max: max + 3 })))
    .map(([a, b, step]) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      return {
        text: step === null ? `${low}-${high}` : `${low}-${high}/${step}`,
        holds: value => value >= low && value <= high && (value - low) % (step ?? 1) === 0,
      };
    });
const stepped = (min: number, max: number): fc.Arbitrary<Item> =>
  fc.tuple(fc.constantFrom('*', '?', min), fc.integer({ min: 1, max: max - min })).map(([base, step]) => ({
    text: `${base}/${step}`,
    holds: value => (value - min) % step === 0,
  }));
const star: fc.Arbitrary<Item> = fc.constantFrom('*', '?').map(text => ({ text, holds: () => true }));

interface Field {
  readonly text: string;
  readonly holds: Condition;
  readonly star: boolean;
}

function list(items: fc.Arbitrary<Item>): fc.Arbitrary<Field> {
  return fc.array(items, { minLength: 1, maxLength: 3 }).map(several => ({
    text: several.map(({ text }) => text).join(','),
    holds: value => several.some(({ holds }) => holds(value)),
    star: /^[*?]/.test(several[0]?.text ?? ''),
  }));
}

const common = (min: number, max: number): fc.Arbitrary<Field> =>
  list(fc.oneof({ weight: 4, arbitrary: number(min, max) }, range(min, max), stepped(min, max), star));

/** A day item's condition is asked with the whole reading. */
const dayOfMonth = list(
  fc.oneof(
    { weight: 3, arbitrary: star },
    asDay(number(1, 31)),
    asDay(range(1, 31)),
    asDay(stepped(1, 31)),
    fc.constant<Item>({ text: 'L', holds: at => part(at).getUTCDate() === monthLength(at) }),
    fc.constant<Item>({ text: 'LW', holds: at => part(at).getUTCDate() === lastWorkday(at) }),
    fc.integer({ min: 1, max: 31 }).map<Item>(n => ({
      text: `${n}W`,
      holds: at => n <= monthLength(at) && part(at).getUTCDate() === nearestWorkday(at, n),
    })),
  ),
);

function asDay(items: fc.Arbitrary<Item>): fc.Arbitrary<Item> {
  return items.map(({ text, holds }) => ({ text, holds: at => holds(part(at).getUTCDate()) }));
}

function lastWorkday(at: Reading): number {
  let day = monthLength(at);
  while (!isWorkday(at, day)) day--;
  return day;
}

function nearestWorkday(at: Reading, day: number): number {
  const distances = [0, -1, 1, -2, 2];
  const inside = distances.map(distance => day + distance).filter(one => one >= 1 && one <= monthLength(at));
  return inside.find(one => isWorkday(at, one)) ?? 0;
}

const dayOfWeek = list(
  fc.oneof(
    { weight: 3, arbitrary: star },
    fc.integer({ min: 0, max: 7 }).map<Item>(n => ({ text: `${n}`, holds: at => part(at).getUTCDay() === n % 7 })),
    range(0, 7).map<Item>(({ text, holds }) => ({
      text,
      holds: at => holds(part(at).getUTCDay()) || (part(at).getUTCDay() === 0 && holds(7)),
    })),
    fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 1, max: 5 })).map<Item>(([n, k]) => ({
      text: `${n}#${k}`,
      holds: at => part(at).getUTCDay() === n % 7 && Math.ceil(part(at).getUTCDate() / 7) === k,
    })),
    fc.integer({ min: 0, max: 7 }).map<Item>(n => ({
      text: `${n}L`,
      holds: at => part(at).getUTCDay() === n % 7 && part(at).getUTCDate() > monthLength(at) - 7,
    })),
  ),
);

const months = fc.oneof({ weight: 4, arbitrary: list(star) }, common(1, 12));

const noon: Field = { text: '12', holds: n => n === 12, star: false };
const zero: Field = { text: '0', holds: n => n === 0, star: false };

/** Days of all kinds, at noon. */
const dates = fc
  .tuple(dayOfMonth, months, dayOfWeek)
  .map(([day, month, weekday]) => combine([zero, zero, noon, day, month, weekday]));

/** Whole expressions; `hours` are drawn from those in which zones shift. */
function expression(withSeconds: boolean): fc.Arbitrary<Generated> {
  const seconds = withSeconds ? common(0, 59) : fc.constant(zero);
  const hours = fc.oneof(list(fc.oneof(number(0, 4), number(22, 23), range(0, 23))), common(0, 23));
  return fc.tuple(seconds, common(0, 59), hours, dayOfMonth, months, dayOfWeek).map(combine);
}

/** Second, minute, hour, day-of-month, month, day-of-week; a second of only 0 is left out. */
function combine([second, minute, hour, day, month, weekday]: [Field, Field, Field, Field, Field, Field]): Generated {
  return {
    text: [...(second.text === '0' ? [] : [second]), minute, hour, day, month, weekday]
      .map(({ text }) => text)
      .join(' '),
    realTime: minute.star || hour.star,
    matches: at => {
      const date = part(at);
      if (!second.holds(date.getUTCSeconds()) || !minute.holds(date.getUTCMinutes())) return false;
      if (!hour.holds(date.getUTCHours()) || !month.holds(date.getUTCMonth() + 1)) return false;
      if (day.star || weekday.star) return day.holds(at) && weekday.holds(at);
      return day.holds(at) || weekday.holds(at);
    },
  };
}

/** The engine's ticks in (first, last], forwards; and the same backwards. */
function enginesTicks(text: string, timeZone: string, dstPolicy: DstPolicy, first: number, last: number) {
  const schedule = parseSchedule(text, { timeZone, dstPolicy });
  const forwards: number[] = [];
  for (let at = schedule.next(first); at !== undefined && at <= last; at = schedule.next(at)) forwards.push(at);
  const backwards: number[] = [];
  for (let at = schedule.previous(last + 1); at !== undefined && at > first; at = schedule.previous(at))
    backwards.unshift(at);
  return { forwards, backwards };
}

/** Zone, start and hours of windows around shifts; where none shifts, any window. */
const windows: readonly (readonly [zone: string, from: string, hours: number])[] = [
  ['Europe/Berlin', '2026-03-27T12:00:00Z', 96],
  ['Europe/Berlin', '2026-10-23T12:00:00Z', 96],
  ['America/New_York', '2026-03-06T12:00:00Z', 72],
  ['America/New_York', '2026-10-30T12:00:00Z', 96],
  ['Australia/Lord_Howe', '2026-04-03T00:00:00Z', 72],
  ['Australia/Lord_Howe', '2026-10-02T00:00:00Z', 72],
  ['America/Sao_Paulo', '2018-02-16T12:00:00Z', 72],
  ['America/Sao_Paulo', '2018-11-02T12:00:00Z', 72],
  ['America/Nuuk', '2024-03-29T12:00:00Z', 72],
  ['America/Nuuk', '2024-10-25T12:00:00Z', 72],
  ['Africa/Casablanca', '2026-02-13T12:00:00Z', 72],
  ['Africa/Casablanca', '2026-03-20T12:00:00Z', 72],
  ['Asia/Kolkata', '2026-03-30T00:00:00Z', 72],
  ['Pacific/Apia', '2011-12-28T00:00:00Z', 96],
  ['Pacific/Apia', '2011-03-31T00:00:00Z', 96],
  ['Asia/Tehran', '2022-03-20T00:00:00Z', 72],
  ['Asia/Tehran', '2022-09-20T00:00:00Z', 72],
  ['Pacific/Kwajalein', '1993-08-19T00:00:00Z', 96],
  ['Europe/Dublin', '2026-10-23T12:00:00Z', 72],
  ['Antarctica/Troll', '2026-03-27T12:00:00Z', 72],
];

function agrees(zone: string, moments: readonly Moment[], step: number, one: Generated): void {
  // The window's first hours only let the walk see what a clock put back shows again.
  const first = (moments[0]?.instant ?? 0) + (step < 60_000 ? 2 : 26) * 3_600_000;
  const last = moments.at(-1)?.instant ?? 0;
  for (const policy of ['Vixie', 'Literal'] as const) {
    const expected = expectedTicks(one, moments, policy, step).filter(tick => tick > first);
    const { forwards, backwards } = enginesTicks(one.text, zone, policy, first, last);
    const show = (ticks: number[]): string[] => ticks.map(tick => new Date(tick).toISOString());
    assert.deepEqual(show(forwards), show(expected), `${one.text} ${policy}, forwards`);
    assert.deepEqual(show(backwards), show(expected), `${one.text} ${policy}, backwards`);
  }
}

describe('the engine against a clock that is watched', () => {
  for (const [zone, from, hours] of windows) {
    it(`${zone}, ${hours} hours from ${from}, by minutes`, () => {
      const moments = walk(zone, from, hours, 60_000);
      fc.assert(
        fc.property(expression(false), one => agrees(zone, moments, 60_000, one)),
        { numRuns: rounds },
      );
    });
  }

  const bySeconds: readonly (readonly [zone: string, from: string])[] = [
    ['Europe/Berlin', '2026-03-28T22:30:00Z'],
    ['Europe/Berlin', '2026-10-24T22:30:00Z'],
    ['Africa/Monrovia', '1972-01-06T22:00:00Z'],
  ];
  for (const [zone, from] of bySeconds) {
    it(`${zone}, 4 hours from ${from}, by seconds`, () => {
      const moments = walk(zone, from, 4, 1_000);
      fc.assert(
        fc.property(expression(true), one => agrees(zone, moments, 1_000, one)),
        { numRuns: Math.ceil(rounds / 4) },
      );
    });
  }

  it('UTC, 8 years from 2024, by days', () => {
    const moments = Array.from({ length: 8 * 365 + 2 }, (_, i) => {
      const instant = Date.UTC(2024, 0, 1, 12) + i * 86_400_000;
      return { instant, reading: instant };
    });
    fc.assert(
      fc.property(dates, one => agrees('UTC', moments, 86_400_000, one)),
      { numRuns: 3 * rounds },
    );
  });
});
