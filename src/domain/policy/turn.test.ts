import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { RunId } from '../run/run.ts';
import { byPlace, nextOf, type Placed, placeOf } from './turn.ts';

const run = fc.string({ minLength: 1, maxLength: 4 }).map(id => id as RunId);
const at = fc.integer({ min: 0, max: 5 });
const placed: fc.Arbitrary<Placed> = fc.oneof(
  fc.record({ run, tick: at }),
  fc.record({ run, dueAt: at }),
  fc.record({ run }),
);
const some = fc.uniqueArray(placed, { selector: one => one.run, maxLength: 12 });

describe('whose turn it is', () => {
  it('is for its tick, else for when it was due', () => {
    assert.equal(placeOf({ run: 'a' as RunId, tick: 3, dueAt: 9 }), 3);
    assert.equal(placeOf({ run: 'a' as RunId, dueAt: 9 }), 9);
  });

  it('orders any runs, in one way only', () => {
    fc.assert(
      fc.property(some, all => {
        const sorted = all.toSorted(byPlace);
        assert.deepEqual(all.toReversed().sort(byPlace), sorted);
        for (const [i, one] of sorted.entries()) {
          const next = sorted[i + 1];
          if (next !== undefined) assert.ok(byPlace(one, next) < 0 && byPlace(next, one) > 0);
        }
      }),
    );
  });

  it('is the earliest of a queue, and the latest where runs replace one another', () => {
    fc.assert(
      fc.property(some, all => {
        const sorted = all.toSorted(byPlace);
        assert.equal(nextOf(all, 'Queue'), sorted[0]);
        assert.equal(nextOf(all, 'Replace'), sorted.at(-1));
      }),
    );
  });
});
