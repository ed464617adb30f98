import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Heap } from './heap.ts';

describe('heap', () => {
  it('gives everything back in order, also after some were thrown out', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), fc.nat(7), (times, divisor) => {
        const heap = new Heap<{ at: number }>();
        for (const at of times) heap.push({ at });
        const keep = (at: number) => divisor === 0 || at % (divisor + 1) !== 0;
        heap.retain(({ at }) => keep(at));
        const out: number[] = [];
        for (let item = heap.pop(); item !== undefined; item = heap.pop()) out.push(item.at);
        assert.deepEqual(
          out,
          times.filter(keep).sort((a, b) => a - b),
        );
        assert.equal(heap.size, 0);
      }),
    );
  });

  it('takes off only what is due', () => {
    const heap = new Heap<{ at: number }>();
    heap.push({ at: 5 });
    assert.equal(heap.popDue(4), undefined);
    assert.deepEqual(heap.popDue(5), { at: 5 });
  });
});
