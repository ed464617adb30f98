import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { importCalendar } from './import.ts';

const window = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2031, 0, 1) };
const file = (...rules: readonly string[]): string =>
  [
    'BEGIN:VCALENDAR',
    ...rules.flatMap(rule => [
      'BEGIN:VEVENT',
      'DTSTART:20260101T000000Z',
      'DURATION:PT1H',
      `RRULE:${rule}`,
      'END:VEVENT',
    ]),
    'END:VCALENDAR',
  ].join('\r\n');

describe('an RRULE without end', () => {
  for (const rule of [
    'FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30',
    'FREQ=DAILY;INTERVAL=1000000000;BYDAY=MO',
    'FREQ=SECONDLY;INTERVAL=86400;BYHOUR=1;BYMINUTE=1',
  ]) {
    it(`is given up within a second, and named by its line: ${rule}`, async () => {
      const began = performance.now();
      await assert.rejects(importCalendar(file('FREQ=WEEKLY', rule), window), {
        code: 'InvalidInput',
        message: /^iCalendar line 7 begins a VEVENT whose times take too long to find/,
      });
      assert.ok(performance.now() - began < 2_000);
      // What is ended leaves nothing behind.
      assert.equal((await importCalendar(file('FREQ=WEEKLY'), window)).ranges.length, 261);
    });
  }

  it('costs many small events little', async () => {
    const spec = await importCalendar(file(...Array.from({ length: 3_000 }, () => 'FREQ=YEARLY;COUNT=2')), window);
    assert.equal(spec.ranges.length, 2);
  });
});
