import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CronmeshError } from '../errors.ts';
import { nextRuns, parseSchedule, ScheduleError } from './index.ts';

/** expression, the field that is named, and the whole reason. */
const refused: readonly (readonly [expression: string, field: string, reason: string])[] = [
  ['', 'expression', '"" has no schedule in it (allowed: 5 to 7 fields, or a macro)'],
  ['  ', 'expression', '"  " has no schedule in it (allowed: 5 to 7 fields, or a macro)'],
  [
    '* * * *',
    'expression',
    '"* * * *" has 4 fields (allowed: 5, minute hour day-of-month month day-of-week; 6, with seconds before them; 7, with a year behind them too; or a macro such as @daily)',
  ],
  [
    '* * * * * * * *',
    'expression',
    '"* * * * * * * *" has 8 fields (allowed: 5, minute hour day-of-month month day-of-week; 6, with seconds before them; 7, with a year behind them too; or a macro such as @daily)',
  ],
  ['60 * * * *', 'minute', '60 is out of range (allowed: 0-59)'],
  ['99 * * * * *', 'second', '99 is out of range (allowed: 0-59)'],
  ['* 24 * * *', 'hour', '24 is out of range (allowed: 0-23)'],
  ['* * 0 * *', 'day-of-month', '0 is out of range (allowed: 1-31, L, LW, 1W-31W)'],
  ['* * 32 * *', 'day-of-month', '32 is out of range (allowed: 1-31, L, LW, 1W-31W)'],
  ['* * * 13 *', 'month', '13 is out of range (allowed: 1-12, JAN-DEC)'],
  ['* * * * 8', 'day-of-week', '8 is out of range (allowed: 0-7, SUN-SAT, 0#1-7#5, 0L-7L)'],
  ['* * * * * * 1969', 'year', '1969 is out of range (allowed: 1970-2099)'],
  ['* * * * * * 2100', 'year', '2100 is out of range (allowed: 1970-2099)'],
  ['*/0 * * * *', 'minute', 'the step of "*/0" is 0: it must be 1 or more (allowed: 0-59)'],
  ['* 5-10/0 * * *', 'hour', 'the step of "5-10/0" is 0: it must be 1 or more (allowed: 0-23)'],
  [
    '* * * * MON/x',
    'day-of-week',
    'the step of "MON/x" is no number: it must be 1 or more (allowed: 0-7, SUN-SAT, 0#1-7#5, 0L-7L)',
  ],
  ['5-1 * * * *', 'minute', 'the range 5-1 is reversed: its first number must not be the larger (allowed: 0-59)'],
  ['* 22-2 * * *', 'hour', 'the range 22-2 is reversed: its first number must not be the larger (allowed: 0-23)'],
  [
    '* * * * 7-1',
    'day-of-week',
    'the range 7-1 is reversed: its first number must not be the larger (allowed: 0-7, SUN-SAT, 0#1-7#5, 0L-7L)',
  ],
  [
    '* * * * FRI-1',
    'day-of-week',
    'the range FRI-1 is reversed: its first number must not be the larger (allowed: 0-7, SUN-SAT, 0#1-7#5, 0L-7L)',
  ],
  ['1,,2 * * * *', 'minute', '"1,,2" has an empty list item (allowed: 0-59)'],
  ['* ,1 * * *', 'hour', '",1" has an empty list item (allowed: 0-23)'],
  ['* * 1, * *', 'day-of-month', '"1," has an empty list item (allowed: 1-31, L, LW, 1W-31W)'],
  ['* * * FOO *', 'month', '"FOO" is no number or name (allowed: 1-12, JAN-DEC)'],
  ['* * * * FUNDAY', 'day-of-week', '"FUNDAY" is no number or name (allowed: 0-7, SUN-SAT, 0#1-7#5, 0L-7L)'],
  ['MON * * * *', 'minute', '"MON" is no number (allowed: 0-59)'],
  ['* x * * *', 'hour', '"x" is no number (allowed: 0-23)'],
  ['-5 * * * *', 'minute', '"-5" is no number, range or step (allowed: 0-59)'],
  ['1-2-3 * * * *', 'minute', '"1-2-3" is no number, range or step (allowed: 0-59)'],
  ['1.5 * * * *', 'minute', '"1.5" is no number (allowed: 0-59)'],
  [
    '* * L-3 * *',
    'day-of-month',
    '"L-3" is not understood: L, LW and nW stand alone or in lists, never in ranges or with steps (allowed: 1-31, L, LW, 1W-31W)',
  ],
  [
    '* * L/2 * *',
    'day-of-month',
    '"L/2" is not understood: L, LW and nW stand alone or in lists, never in ranges or with steps (allowed: 1-31, L, LW, 1W-31W)',
  ],
  [
    '* * 1-15W * *',
    'day-of-month',
    '"1-15W" is not understood: L, LW and nW stand alone or in lists, never in ranges or with steps (allowed: 1-31, L, LW, 1W-31W)',
  ],
  ['* * 32W * *', 'day-of-month', '32 is out of range (allowed: 1-31, L, LW, 1W-31W)'],
  ['* * 0W * *', 'day-of-month', '0 is out of range (allowed: 1-31, L, LW, 1W-31W)'],
  [
    '* * W * *',
    'day-of-month',
    '"W" is not understood: L, LW and nW stand alone or in lists, never in ranges or with steps (allowed: 1-31, L, LW, 1W-31W)',
  ],
  ['L * * * *', 'minute', '"L" is no number (allowed: 0-59)'],
  [
    '* * * * L',
    'day-of-week',
    'L alone has no meaning here: write 5L for the last Friday of a month (allowed: 0-7, SUN-SAT, 0#1-7#5, 0L-7L)',
  ],
  [
    '* * * * 1-5L',
    'day-of-week',
    '"1-5L" is not understood: n#k and nL stand alone or in lists, never in ranges or with steps (allowed: 0-7, SUN-SAT, 0#1-7#5, 0L-7L)',
  ],
  [
    '* * * * 5#2/2',
    'day-of-week',
    '"5#2/2" is not understood: n#k and nL stand alone or in lists, never in ranges or with steps (allowed: 0-7, SUN-SAT, 0#1-7#5, 0L-7L)',
  ],
  [
    '* * * * 5#0',
    'day-of-week',
    'the k of 5#0 is out of range: a weekday comes 1 to 5 times (allowed: 0-7, SUN-SAT, 0#1-7#5, 0L-7L)',
  ],
  [
    '* * * * 5#6',
    'day-of-week',
    'the k of 5#6 is out of range: a weekday comes 1 to 5 times (allowed: 0-7, SUN-SAT, 0#1-7#5, 0L-7L)',
  ],
  ['* * * * 8#1', 'day-of-week', '8 is out of range (allowed: 0-7, SUN-SAT, 0#1-7#5, 0L-7L)'],
  [
    '* * * * #2',
    'day-of-week',
    '"#2" is not understood: n#k and nL stand alone or in lists, never in ranges or with steps (allowed: 0-7, SUN-SAT, 0#1-7#5, 0L-7L)',
  ],
  ['H(5) * * * *', 'minute', '"H(5)" is no hash: write H, H/S, H(a-b) or H(a-b)/S (allowed: 0-59)'],
  [
    'H(40-20) * * * *',
    'minute',
    'the range of H(40-20) is reversed: its first number must not be the larger (allowed: 0-59)',
  ],
  ['H(0-60) * * * *', 'minute', '60 is out of range (allowed: 0-59)'],
  ['H/0 * * * *', 'minute', 'the step of "H/0" is 0: it must be 1 or more (allowed: 0-59)'],
  ['H-5 * * * *', 'minute', '"H" is no number (allowed: 0-59)'],
  ['* * * * * * H', 'year', 'H has no meaning in a year (allowed: 1970-2099)'],
  [
    '@reboot',
    'expression',
    '@reboot has no meaning in a cluster, which no single start begins; use @manually and trigger the job from what starts, or @at <instant> to run it once',
  ],
  [
    '@fortnightly',
    'expression',
    '"@fortnightly" is no macro (allowed: @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, @minutely, @every <duration>, @at <instant>, @manually)',
  ],
  [
    '@every',
    'expression',
    '"" is no duration for @every (allowed: from 1ms, with units ms, s, m, h, d and w, such as 90s or 1h30m)',
  ],
  [
    '@every 5',
    'expression',
    '"5" is no duration for @every (allowed: from 1ms, with units ms, s, m, h, d and w, such as 90s or 1h30m)',
  ],
  [
    '@every 0s',
    'expression',
    '"0s" is no duration for @every (allowed: from 1ms, with units ms, s, m, h, d and w, such as 90s or 1h30m)',
  ],
  [
    '@every -5m',
    'expression',
    '"-5m" is no duration for @every (allowed: from 1ms, with units ms, s, m, h, d and w, such as 90s or 1h30m)',
  ],
  [
    '@every 1d2x',
    'expression',
    '"1d2x" is no duration for @every (allowed: from 1ms, with units ms, s, m, h, d and w, such as 90s or 1h30m)',
  ],
  [
    '@at tomorrow',
    'expression',
    '"tomorrow" is no instant for @at (allowed: RFC 3339 with an offset, such as 2026-03-29T01:00:00Z)',
  ],
  [
    '@at 2026-02-30T00:00:00Z',
    'expression',
    '"2026-02-30T00:00:00Z" is no instant for @at (allowed: RFC 3339 with an offset, such as 2026-03-29T01:00:00Z)',
  ],
  [
    '@at 2026-01-01T00:00:00',
    'expression',
    '"2026-01-01T00:00:00" is no instant for @at (allowed: RFC 3339 with an offset, such as 2026-03-29T01:00:00Z)',
  ],
  ['@manually now', 'expression', '@manually takes nothing behind it, not "now"'],
  [
    'TZ=Mars/Phobos * * * * *',
    'timeZone',
    '"Mars/Phobos" is no known time zone (allowed: IANA names such as Europe/Berlin or UTC, offsets such as +02:00)',
  ],
  [
    'CRON_TZ= * * * * *',
    'timeZone',
    '"" is no known time zone (allowed: IANA names such as Europe/Berlin or UTC, offsets such as +02:00)',
  ],
  ['TZ=UTC', 'expression', '"TZ=UTC" has no schedule in it (allowed: 5 to 7 fields, or a macro)'],
  [
    '@daily 5',
    'expression',
    '"@daily 5" is no macro (allowed: @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, @minutely, @every <duration>, @at <instant>, @manually)',
  ],
];

describe('what is no schedule', () => {
  for (const [expression, field, reason] of refused) {
    it(`${JSON.stringify(expression)}: ${field}`, () => {
      assert.throws(
        () => parseSchedule(expression),
        error => {
          assert.ok(error instanceof ScheduleError && error instanceof CronmeshError);
          assert.equal(error.message, `${field}: ${reason}`);
          assert.equal(error.field, field);
          assert.equal(error.code, 'InvalidInput');
          assert.equal(error.retryable, false);
          assert.deepEqual(error.problems, [{ field, value: error.value, message: reason }]);
          return true;
        },
      );
    });
  }

  it('carries the value that was given', () => {
    assert.throws(() => parseSchedule('0 25 * * *'), { field: 'hour', value: '25' });
    assert.throws(() => parseSchedule('TZ=Nowhere * * * * *'), { field: 'timeZone', value: 'Nowhere' });
  });
});

describe('options that mean nothing', () => {
  const from = 0;
  const cases: readonly (readonly [title: string, options: object, message: RegExp])[] = [
    ['an unknown zone', { timeZone: 'Europe/Atlantis' }, /^timeZone: "Europe\/Atlantis" is no known time zone/],
    ['an empty zone', { timeZone: '' }, /^timeZone: "" is no known time zone/],
    ['an unknown policy', { dstPolicy: 'vixie' }, /^dstPolicy: "vixie" is no policy \(allowed: Vixie, Literal\)$/],
    ['a start without offset', { from: '2026-01-01T00:00:00' }, /^from: "2026-01-01T00:00:00" is no instant/],
    ['a start that is no date', { from: new Date(Number.NaN) }, /^from: "Invalid Date" is no instant/],
    ['a count below 0', { count: -1 }, /^count: -1 is not a whole number from 0$/],
    ['a count with a fraction', { count: 1.5 }, /^count: 1.5 is not a whole number from 0$/],
  ];
  for (const [title, options, message] of cases) {
    it(title, () =>
      assert.throws(() => nextRuns('* * * * *', { from, ...options }), { name: 'ScheduleError', message }),
    );
  }

  it('an anchor that is no instant', () => {
    assert.throws(() => nextRuns('@every 1h', { from, anchor: 'x' }), { message: /^anchor: "x" is no instant/ });
  });

  it('an expression that is no string', () => {
    assert.throws(() => parseSchedule(undefined as unknown as string), { field: 'expression' });
  });

  it('an instant outside what dates hold', () => {
    const schedule = parseSchedule('* * * * *');
    assert.throws(() => schedule.next(Number.NaN), ScheduleError);
    assert.throws(() => schedule.previous(Number.POSITIVE_INFINITY), ScheduleError);
  });
});
