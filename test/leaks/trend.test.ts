import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { grows, trendOf } from './trend.ts';

const minute = 60_000;
const series = (value: (i: number) => number, count = 60) =>
  trendOf(Array.from({ length: count }, (_, i) => ({ at: i * minute, value: value(i) })));
/** Repeatable noise, −0.5 to 0.5. */
const noise = (i: number): number => ((Math.sin(i * 12.9898) * 43_758.5453) % 1) / 2;
const allowance = { share: 0.1, least: 2 };

describe('a trend', () => {
  it('is seen below noise', () => {
    const trend = series(i => 100 + i * 0.5 + 10 * noise(i));
    assert.ok(Math.abs(trend.perHour - 30) < 5, JSON.stringify(trend));
    assert.ok(grows(trend, allowance));
  });

  it('is not seen in noise alone', () =>
    assert.ok(
      !grows(
        series(i => 100 + 40 * noise(i)),
        allowance,
      ),
    ));

  it('is not made by some outliers', () =>
    assert.ok(
      !grows(
        series(i => (i > 50 && i % 3 === 0 ? 900 : 100)),
        allowance,
      ),
    ));

  it('is none where it falls, or is within the allowance', () => {
    assert.ok(
      !grows(
        series(i => 200 - i),
        allowance,
      ),
    );
    assert.ok(
      !grows(
        series(i => 100 + i * 0.1),
        allowance,
      ),
    );
  });

  it('is seen in whole numbers: a handle each five minutes', () =>
    assert.ok(
      grows(
        series(i => 20 + Math.floor(i / 5)),
        allowance,
      ),
    ));

  it('needs six measurements', () => assert.throws(() => series(() => 1, 5), /six/));
});
