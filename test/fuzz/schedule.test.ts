import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { toCrontabSchedule } from '../../src/cli/crontab/schedule.ts';
import { parseSchedule, ScheduleError } from '../../src/domain/schedule/index.ts';
import type { Schedule } from '../../src/domain/schedule/schedule.ts';
import { fuzz, Mutator, took } from './support/mutate.ts';
import { property } from './support/settings.ts';

/** Of a job's schedule, in characters. */
const longest = 1_024;
const allowedMs = 50;
const start = Date.UTC(2026, 10, 24, 12);
const edges = [start, 0, -8.64e15, 8.64e15, Date.UTC(2026, 2, 29, 0, 59, 59, 999), Date.UTC(1900, 0, 1)];

const corpus = [
  '*/5 * * * *',
  '0 30 2 L * ?',
  '0 9 15W * MON-FRI',
  'H(0-29)/10 H * * *',
  '0 0 12 1/5 * ? 2026-2030',
  '0 0 LW * FRI#2,5L',
  'CRON_TZ=Europe/Berlin 30 2 29 2 *',
  'TZ=America/St_Johns 0 0 1,15 JAN-DEC SUN',
  '@every 1h30m',
  '@every 0.5s',
  '@at 2026-12-01T00:00:00+01:00',
  '@hourly',
  '@manually',
  '0 0 31 2 *',
  '0 0 29 2 * 2099',
  '59 59 23 31 12 ? 2099',
];
const tokens = [
  '*',
  '/',
  '-',
  ',',
  'L',
  'W',
  '#',
  'H(',
  ')',
  '?',
  '@every ',
  '@at ',
  'TZ=',
  'CRON_TZ=',
  '+14:00',
  'MON',
  'dec',
  '2099',
  '0',
  ' ',
  '\t',
];

/** Undefined for what is refused with a ScheduleError; anything else that is thrown is a failure. */
function read(text: string): Schedule | undefined {
  try {
    return parseSchedule(text, { hashKey: 'shop/prices', anchor: start });
  } catch (error) {
    assert.ok(error instanceof ScheduleError, `threw ${error}`);
    assert.ok(error.message.length < 2_000, `a message of ${error.message.length} characters`);
    return undefined;
  }
}

/** What must hold of any text. */
function judge(text: string): void {
  let schedule: Schedule | undefined;
  const took1 = took(() => {
    schedule = read(text);
  }, allowedMs);
  assert.ok(took1 <= allowedMs, `parsing took ${took1} ms`);
  if (schedule === undefined) return;
  const known = schedule;
  for (const from of edges) {
    let tick: number | undefined;
    const took2 = took(() => {
      tick = known.next(from);
    }, allowedMs);
    assert.ok(took2 <= allowedMs, `the next tick after ${from} took ${took2} ms`);
    if (tick === undefined) continue;
    assert.ok(Number.isInteger(tick) && tick > from && tick <= 8.64e15, `next of ${from} is ${tick}`);
    if (text.includes('@every')) continue;
    // Nothing lies between, seen from either side.
    assert.equal(known.next(tick - 1), tick);
    const before = known.previous(tick + 1);
    assert.equal(before, tick, 'the last tick before the next millisecond');
  }
  assert.deepEqual(parseSchedule(text, { hashKey: 'shop/prices', anchor: start }).next(start), known.next(start));
}

/** What `export` writes of it fires at the same times. */
function judgeExport(text: string): void {
  if (read(text) === undefined) return;
  const written = toCrontabSchedule(text);
  if ('problem' in written) return;
  const again = parseSchedule(written.schedule, written.timeZone === undefined ? {} : { timeZone: written.timeZone });
  assert.equal(again.next(start), parseSchedule(text).next(start));
}

describe('fuzz: schedules', () => {
  it('any mutated expression is a schedule or a ScheduleError, in time', async () => {
    await fuzz(6_000, new Mutator(corpus, { tokens, most: longest }), input => {
      const text = input.toString('utf8').slice(0, longest);
      judge(text);
      judgeExport(text);
    });
  });

  it('so is any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), judge), property(2_000));
  });

  it('and fields of any numbers, lists, ranges and steps', () => {
    const number = fc.oneof(fc.nat(100), fc.constantFrom('*', '?', 'L', 'H', 'MON', 'FEB', '2#3', '15W', '5L'));
    const item = fc
      .tuple(number, fc.option(fc.nat(70)), fc.option(fc.nat(70)))
      .map(([from, to, step]) => `${from}${to === null ? '' : `-${to}`}${step === null ? '' : `/${step}`}`);
    const field = fc.array(item, { minLength: 1, maxLength: 5 }).map(items => items.join(','));
    const expression = fc.array(field, { minLength: 5, maxLength: 7 }).map(fields => fields.join(' '));
    fc.assert(fc.property(expression, judge), property(2_000));
  });

  it('the longest texts of one kind are read in time', () => {
    for (const unit of [
      '1,',
      '*/',
      '1-',
      'H(',
      '@',
      'L',
      '#',
      ' ',
      '\t',
      '1 ',
      '9',
      'a',
      '/',
      'TZ=',
      '-',
      '?,',
      '0-59,',
      '1h',
      '1.',
    ]) {
      judge(unit.repeat(longest).slice(0, longest));
      judge(`${unit.repeat(longest).slice(0, longest - 8)} * * * *`);
      judge(`@every ${unit.repeat(longest).slice(0, longest - 7)}`);
      judge(`TZ=${unit.repeat(longest).slice(0, longest - 13)} * * * * *`);
    }
  });
});
