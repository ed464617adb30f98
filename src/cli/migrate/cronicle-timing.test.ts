import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scheduleOf } from '../../domain/schedule/index.ts';
import { expressionOf, type Timing } from './cronicle-timing.ts';

/** What Cronicle does: each minute, each list holds the number of that moment, or is absent. */
function isDue(timing: Timing, at: Date): boolean {
  const now = [
    [timing.years, at.getUTCFullYear()],
    [timing.months, at.getUTCMonth() + 1],
    [timing.days, at.getUTCDate()],
    [timing.weekdays, at.getUTCDay()],
    [timing.hours, at.getUTCHours()],
    [timing.minutes, at.getUTCMinutes()],
  ] as const;
  return now.every(([list, value]) => list === undefined || list.length === 0 || list.includes(value));
}

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

/** As the converted job would be due, its calendar included. */
function ticksOf(timing: Timing, from: number, to: number): number[] {
  const { expression, weekdays: required } = expressionOf(timing);
  const days = (required ?? []).map(day => weekdays[day] ?? 'Sun');
  const calendar = { name: 'w', spec: { timeZone: 'UTC', dates: [], ranges: [], weekly: [{ days }] } };
  const schedule = scheduleOf({
    ...{ uid: 'u', namespace: 'n', name: 'j', anchor: 0 },
    spec: { schedule: expression, ...(required && { calendars: { exclude: [], require: ['w'] } }) },
    ...(required && { calendars: [calendar as never] }),
  });
  const ticks: number[] = [];
  for (let tick = schedule.next(from); tick !== undefined && tick <= to; tick = schedule.next(tick)) ticks.push(tick);
  return ticks;
}

describe('the timing of an event of Cronicle', () => {
  const from = Date.UTC(2027, 1, 20);
  const to = Date.UTC(2027, 3, 10);
  for (const [timing, expression] of [
    [{}, '* * * * *'],
    [{ minutes: [0] }, '0 * * * *'],
    [{ hours: [16, 4], minutes: [30] }, '30 4,16 * * *'],
    [{ minutes: [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55] }, '*/5 * * * *'],
    [{ minutes: [0, 7, 14, 21, 28, 35, 42, 49, 56], hours: [1, 2, 3, 9] }, '*/7 1-3,9 * * *'],
    [{ days: [1, 15, 31], hours: [0], minutes: [0] }, '0 0 1,15,31 * *'],
    [{ weekdays: [0, 6], hours: [12], minutes: [1, 2] }, '1,2 12 * * 0,6'],
    [{ weekdays: [0, 1, 2, 3, 4, 5, 6], hours: [12], minutes: [1] }, '1 12 * * *'],
    [{ days: [1, 13, 15], weekdays: [1, 2, 3, 4, 5], hours: [6, 7], minutes: [15] }, '15 6,7 1,13,15 * *'],
    [{ years: [2027], months: [3], hours: [0], minutes: [0] }, '0 0 0 * 3 * 2027'],
    [{ years: [2027], months: [3], days: [5], weekdays: [5], hours: [0], minutes: [0] }, '0 0 0 5 3 * 2027'],
    [{ months: [], hours: [23], minutes: [59] }, '59 23 * * *'],
  ] satisfies [Timing, string][]) {
    it(`${JSON.stringify(timing)} is ${expression}, and due when that is`, () => {
      assert.equal(expressionOf(timing).expression, expression);
      const expected: number[] = [];
      for (let at = from + 60_000; at <= to; at += 60_000) if (isDue(timing, new Date(at))) expected.push(at);
      assert.ok(expected.length > 0);
      assert.deepEqual(ticksOf(timing, from, to), expected);
    });
  }

  it('is refused with the field where it is none', () => {
    assert.throws(() => expressionOf({ hours: [24] }), /timing\.hours: 24 is not from 0 to 23/);
    assert.throws(() => expressionOf({ seconds: [1] } as never), /timing\.seconds is not known/);
  });
});
