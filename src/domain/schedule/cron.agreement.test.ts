import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CronExpressionParser } from 'cron-parser';
import { Cron } from 'croner';
import fc from 'fast-check';
import { nextRuns, previousRun } from './index.ts';

/**
 * The two leading libraries, where all should agree: plain fields, and zones without shifts. Where they are known to
 * differ from Vixie cron or from each other (stars with steps in day fields, numbers given twice, ranges of everything,
 * dates that never come), expressions are not made. croner is also asked about shifts, for fixed times.
 */
const rounds = Number(process.env.CRONMESH_AGREEMENT_RUNS ?? 400);
const count = 4;

const range = (min: number, max: number): fc.Arbitrary<string> =>
  fc
    .tuple(fc.integer({ min, max }), fc.integer({ min, max }), fc.integer({ min: 1, max: Math.max(1, max - min) }))
    .filter(([a, b]) => Math.abs(a - b) < max - min)
    .map(([a, b, step]) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      // croner refuses a step that is larger than its range.
      return step <= high - low ? `${low}-${high}/${step}` : `${low}-${high}`;
    });
const numbers = (min: number, max: number): fc.Arbitrary<string> =>
  fc.uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: 4 }).map(several => several.join(','));
const list = (min: number, max: number): fc.Arbitrary<string> => fc.oneof(numbers(min, max), range(min, max));
const field = (min: number, max: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 2, arbitrary: list(min, max) },
    fc.constant('*'),
    fc.integer({ min: 1, max: max - min }).map(step => `*/${step}`),
  );
const days = fc.oneof(fc.constant('*'), list(1, 28), fc.constant('L'));
const months = fc.oneof(
  { weight: 3, arbitrary: fc.constant('*') },
  list(1, 12),
  fc.constantFrom('JAN', 'feb-Apr', 'OCT,dec'),
);
const weekdays = fc.oneof(
  { weight: 2, arbitrary: fc.constant('*') },
  list(0, 6),
  fc.constantFrom('MON-FRI', 'sun', '7', '5-7', 'WED,SAT'),
);
const from = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2035, 0, 1) }).map(instant => new Date(instant));
const texts = (values: readonly (Date | null)[]): string[] => values.map(value => value?.toISOString() ?? 'none');

describe('where all should agree', () => {
  const expressions = fc.oneof(
    fc.tuple(field(0, 59), field(0, 23), days, months, weekdays),
    fc.tuple(field(0, 59), field(0, 59), field(0, 23), days, months, weekdays),
  );
  const zone = fc.constantFrom('UTC', 'Asia/Kolkata', 'Asia/Tokyo', 'America/Phoenix');

  it('croner', () => {
    fc.assert(
      fc.property(expressions, zone, from, (fields, timeZone, start) => {
        const expression = fields.join(' ');
        const theirs = new Cron(expression, { timezone: timeZone, paused: true }).nextRuns(count, start);
        assert.deepEqual(texts(nextRuns(expression, { timeZone, from: start, count })), texts(theirs), expression);
      }),
      { numRuns: rounds },
    );
  });

  it('cron-parser, forwards and backwards', () => {
    fc.assert(
      fc.property(expressions, zone, from, (fields, timeZone, start) => {
        const expression = fields.join(' ');
        const theirs = CronExpressionParser.parse(expression, { tz: timeZone, currentDate: start });
        const next = Array.from({ length: count }, () => theirs.next().toDate());
        assert.deepEqual(texts(nextRuns(expression, { timeZone, from: start, count })), texts(next), expression);
        theirs.reset(start);
        const previous = previousRun(expression, { timeZone, from: start });
        assert.deepEqual(previous?.toISOString(), theirs.prev().toDate().toISOString(), `${expression} backwards`);
      }),
      { numRuns: rounds },
    );
  });
});

describe('fixed times through shifts', () => {
  const zone = fc.constantFrom('Europe/Berlin', 'America/New_York', 'America/Sao_Paulo', 'Australia/Sydney');
  const times = fc.tuple(
    fc.integer({ min: 0, max: 59 }).map(String),
    fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 23 })).map(String),
    fc.constant('*'),
    fc.constantFrom('*', '3', '10', '11', '4'),
    fc.constantFrom('*', '0', 'SAT,SUN'),
  );
  const start = fc.integer({ min: Date.UTC(2015, 0, 1), max: Date.UTC(2027, 0, 1) }).map(instant => new Date(instant));

  it('croner with its rule for fixed times', () => {
    fc.assert(
      fc.property(times, zone, start, (fields, timeZone, begin) => {
        const expression = fields.join(' ');
        const theirs = new Cron(expression, { timezone: timeZone, paused: true, fixedTimeRule: 'no-wildcard' });
        const ours = nextRuns(expression, { timeZone, from: begin, count: 40 });
        assert.deepEqual(texts(ours), texts(theirs.nextRuns(40, begin)), `${expression} in ${timeZone}`);
      }),
      { numRuns: Math.ceil(rounds / 4) },
    );
  });
});
