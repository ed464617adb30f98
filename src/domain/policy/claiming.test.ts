import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  baseOf,
  freeSlot,
  gapsAt,
  refusalOf,
  type TickBounds,
  type TickRange,
  type TickSource,
  ticksHeldUp,
} from './claiming.ts';

/** Ticks at every multiple of `period`. */
const every = (period: number): TickSource => ({
  next: after => (Math.floor(after / period) + 1) * period,
  previous: before => (Math.ceil(before / period) - 1) * period,
});
const inside = (tick: number, ranges: readonly TickRange[]) =>
  ranges.some(({ from, to }) => from <= tick && tick <= to);

describe('claiming', () => {
  it('never goes back, and leaves every tick decided, in a gap, or below a floor', () => {
    const step = fc.record({
      advance: fc.integer({ min: -5_000, max: 20_000 }),
      raiseFloor: fc.option(fc.nat(6_000)),
      age: fc.nat(7_000),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 40 }), (period, steps) => {
        const schedule = every(period * 100);
        let bounds: TickBounds = { floor: 10_000, epochFloor: 0, decided: undefined };
        let gaps: readonly TickRange[] = [];
        const decided = new Set<number>();
        const neverDue: TickRange[] = [];
        let at = 10_000;
        for (const { advance, raiseFloor, age } of steps) {
          at = Math.max(0, at + advance);
          const tick = schedule.next(at) ?? 0;
          if (refusalOf(tick, tick + age, bounds, { suspended: false, deadline: 300_000 }) === undefined) {
            const next = gapsAt(tick, schedule, bounds, gaps, 8);
            if (next !== undefined) {
              assert.ok(bounds.decided === undefined || tick > bounds.decided, 'a cursor went back');
              assert.ok(tick > baseOf(bounds));
              assert.ok(next.length <= 8);
              decided.add(tick);
              gaps = next;
              bounds = { ...bounds, decided: tick };
            }
          }
          if (raiseFloor !== null) {
            const floor = at + raiseFloor;
            if (floor > baseOf(bounds)) neverDue.push({ from: baseOf(bounds) + 1, to: floor });
            bounds = { ...bounds, floor: Math.max(bounds.floor, floor) };
          }
        }
        for (const tick of decided) assert.ok(!inside(tick, gaps), `${tick} is decided and in a gap`);
        for (let tick = schedule.next(10_000) ?? 0; tick <= (bounds.decided ?? 0); tick = schedule.next(tick) ?? 0) {
          const accounted = [decided.has(tick), inside(tick, gaps), inside(tick, neverDue)];
          assert.equal(accounted.filter(Boolean).length, 1, `${tick}: decided, gap, floor = ${accounted}`);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('says why a tick is not claimed', () => {
    const bounds = { floor: 1_000, epochFloor: 2_000, decided: 3_000 };
    const job = { suspended: false, deadline: 300_000 };
    assert.equal(refusalOf(3_000, 3_000, bounds, job), 'decided');
    assert.equal(refusalOf(2_000, 2_000, { ...bounds, decided: undefined }, job), 'floor');
    assert.equal(refusalOf(4_000, 3_999, bounds, job), 'early');
    assert.equal(refusalOf(4_000, 9_001, bounds, job), 'late');
    assert.equal(refusalOf(4_000, 9_000, bounds, job), undefined);
    assert.equal(refusalOf(4_000, 5_001, bounds, { ...job, deadline: 1_000 }), 'late');
    assert.equal(refusalOf(4_000, 4_000, bounds, { ...job, suspended: true }), 'suspended');
  });

  it('leaves a tick that would make one gap too many', () => {
    const gaps = [{ from: 1_000, to: 2_000 }];
    const bounds = { floor: 0, epochFloor: 0, decided: 3_000 };
    assert.equal(gapsAt(5_000, every(1_000), bounds, gaps, 1), undefined);
    assert.deepEqual(gapsAt(5_000, every(1_000), bounds, gaps, 2), [...gaps, { from: 4_000, to: 4_000 }]);
    assert.deepEqual(gapsAt(4_000, every(1_000), bounds, gaps, 1), gaps);
  });

  it('skips what passed while the slot was held, and only that', () => {
    const bounds = { floor: 0, epochFloor: 0, decided: 2_000 };
    assert.deepEqual(ticksHeldUp(every(1_000), bounds, 4_500, 7_000), { from: 5_000, to: 7_000 });
    assert.deepEqual(ticksHeldUp(every(1_000), bounds, 2_003, 4_999), { from: 3_000, to: 4_000 });
    assert.equal(ticksHeldUp(every(1_000), bounds, 2_003, 2_999), undefined);
  });

  it('takes the lowest free slot', () => {
    assert.equal(
      freeSlot(3, slot => slot === 0),
      1,
    );
    assert.equal(
      freeSlot(2, () => true),
      undefined,
    );
  });
});
