import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pace } from './pace.ts';

const read = 64 * 1024;
const settle = async (): Promise<void> => void (await new Promise(resolve => setImmediate(resolve)));

describe('the pace at which output is read', () => {
  it('lets what is within a turn through, and holds the rest back until the next', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const pace = new Pace({ bytes: 4 * read, turn: 10 });
    for (let i = 0; i < 3; i++) assert.equal(pace.take(read), undefined);
    let through = false;
    void pace.take(read)?.then(() => {
      through = true;
    });
    await settle();
    assert.equal(through, false);
    t.mock.timers.tick(10);
    await settle();
    assert.equal(through, true);
  });

  it('gives turns in order, no more than fit, whoever and however many wait', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const pace = new Pace({ bytes: 4 * read, turn: 10 });
    const order: number[] = [];
    let bytes = 0;
    const stream = async (i: number): Promise<void> => {
      for (let reads = 0; reads < 3; reads++) {
        bytes += read;
        await pace.take(read);
        order.push(i);
      }
    };
    const all = Array.from({ length: 100 }, (_, i) => stream(i));
    // What each reads before it first waits.
    await settle();
    let turns = 0;
    while (order.length < 300) {
      const before = bytes;
      t.mock.timers.tick(10);
      await settle();
      turns++;
      // Those who had their turn may read once more; the next turn has so much less.
      assert.ok(bytes - before < 8 * read, `${(bytes - before) / read} reads in one turn`);
    }
    await Promise.all(all);
    assert.ok(turns >= 70 && turns < 110, `${turns} turns for 300 reads of which 4 fit in one`);
    assert.equal(new Set(order.slice(0, 120)).size, 100, 'everybody has a turn before others have their second');
  });
});
