import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextThawed, refusalOf } from './claiming.ts';
import { covers, cutByFreezes, type Freeze, Freezes, frozenClause } from './freeze.ts';

/** Due each second. */
const everySecond = {
  next: (after: number) => Math.floor(after / 1_000) * 1_000 + 1_000,
  previous: (before: number) => Math.ceil(before / 1_000) * 1_000 - 1_000,
};
const freeze = (since: number, rest: Partial<Freeze> = {}): Freeze => ({
  scope: 'shop',
  since,
  by: 'ada',
  reason: 'stocktaking',
  ...rest,
});

describe('a freeze', () => {
  it('holds after its beginning and before its end, the earlier of two', () => {
    const one = freeze(1_000, { until: 5_000 });
    assert.deepEqual(
      [1_000, 1_001, 4_999, 5_000].map(at => covers(one, at)),
      [false, true, true, false],
    );
    assert.equal(covers({ ...one, endedAt: 3_000 }, 3_000), false);
    assert.equal(covers(freeze(1_000), Number.MAX_SAFE_INTEGER), true);
  });

  it('concerns its namespace, or all of them', () => {
    const freezes = new Freezes([freeze(0), freeze(0, { scope: '*', until: 10 })]);
    assert.equal(freezes.at('shop', 100)?.scope, 'shop');
    assert.equal(freezes.at('other', 100), undefined);
    assert.equal(freezes.at('other', 5)?.scope, '*');
  });

  it('began with those that it follows without a pause', () => {
    const freezes = new Freezes([freeze(100, { until: 300 }), freeze(200, { scope: '*', until: 500 }), freeze(600)]);
    assert.equal(freezes.beganBefore('shop', 400), 100);
    assert.equal(freezes.beganBefore('other', 400), 200);
    assert.equal(freezes.beganBefore('shop', 700), 600);
    assert.equal(freezes.beganBefore('shop', 550), undefined);
  });

  it('cuts ranges of ticks at its edges, and at those of others', () => {
    const cut = (freezes: readonly Freeze[], from = 1_000, to = 9_000) =>
      cutByFreezes(everySecond, { from, to }, freezes).map(({ range, freeze: one }) => [
        range.from,
        range.to,
        one?.since,
      ]);
    assert.deepEqual(cut([]), [[1_000, 9_000, undefined]]);
    assert.deepEqual(cut([freeze(2_500, { endedAt: 5_000 })]), [
      [1_000, 2_000, undefined],
      [3_000, 4_000, 2_500],
      [5_000, 9_000, undefined],
    ]);
    assert.deepEqual(cut([freeze(0)]), [[1_000, 9_000, 0]]);
    assert.deepEqual(cut([freeze(9_000)]), [[1_000, 9_000, undefined]], 'a tick at its beginning is not frozen');
    assert.deepEqual(cut([freeze(500, { until: 3_000 }), freeze(2_000, { scope: '*', until: 6_001 })]), [
      [1_000, 2_000, 500],
      [3_000, 6_000, 2_000],
      [7_000, 9_000, undefined],
    ]);
    assert.deepEqual(cut([freeze(1_200, { until: 1_800 })]), [
      [1_000, 1_000, undefined],
      [2_000, 9_000, undefined],
    ]);
  });

  it('is jumped by whoever looks for the next tick, and refuses those within', () => {
    const over = [freeze(2_500, { endedAt: 5_500 })];
    assert.equal(nextThawed(everySecond, 2_000, over), 6_000);
    assert.equal(nextThawed(everySecond, 1_000, over), 2_000);
    assert.equal(nextThawed(everySecond, 3_000, [freeze(2_500)]), undefined);
    const refusal = (tick: number) =>
      refusalOf(
        tick,
        tick,
        { floor: 0, epochFloor: 0, decided: undefined, freezes: over },
        { suspended: false, deadline: 300_000 },
      );
    assert.deepEqual([2_000, 3_000, 5_000, 6_000].map(refusal), [undefined, 'frozen', 'frozen', undefined]);
  });

  it('says who, when and why', () => {
    const at = (time: string) => Date.parse(`2026-01-01T${time}Z`);
    const one = freeze(at('08:00:00'), { until: at('10:00:00') });
    assert.equal(
      frozenClause(one, at('09:00:00')),
      'the namespace shop has been frozen since 2026-01-01T08:00:00Z, until 2026-01-01T10:00:00Z, by ada: stocktaking',
    );
    assert.equal(
      frozenClause({ ...one, scope: '*' }, at('11:00:00')),
      'everything was frozen from 2026-01-01T08:00:00Z to 2026-01-01T10:00:00Z by ada: stocktaking',
    );
  });
});
