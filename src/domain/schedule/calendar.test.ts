import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { civilDay, dayNumber, daysInMonth, weekday } from './calendar.ts';

it('days and dates are as Date has them', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1_000_000, max: 3_000_000 }), number => {
      const date = new Date(number * 86_400_000);
      const { year, month, day } = civilDay(number);
      assert.deepEqual([year, month, day], [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()]);
      assert.equal(dayNumber(year, month, day), number);
      assert.equal(weekday(number), date.getUTCDay());
      const next = civilDay(dayNumber(year, month, daysInMonth(year, month)) + 1);
      assert.equal(next.day, 1);
      assert.equal(next.month, (month % 12) + 1);
    }),
    { numRuns: 2_000 },
  );
});
