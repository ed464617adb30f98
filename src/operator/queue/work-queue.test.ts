import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { WorkQueue } from './work-queue.ts';

describe('the work queue', () => {
  let queue: WorkQueue<string>;

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    queue = new WorkQueue({ random: () => 0.999_999 });
  });
  afterEach(() => {
    queue.close();
    mock.timers.reset();
  });

  /** What can be taken now, without `done`. */
  const takeAll = async (): Promise<string[]> => {
    const taken: string[] = [];
    while (queue.depth > 0) taken.push((await queue.take()) ?? '');
    return taken;
  };

  it('gives a key once however often it is added, in the order of adding', async () => {
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    assert.deepEqual(await takeAll(), ['a', 'b', 'c']);
  });

  it('gives routine only when nothing else waits, and moves a key up', async () => {
    for (const key of ['a', 'b', 'c']) queue.add(key, 'later');
    queue.add('x');
    queue.add('c');
    queue.add('x', 'later');
    assert.deepEqual(await takeAll(), ['x', 'c', 'a', 'b']);
  });

  it('never gives a key that is worked on; it comes again after', async () => {
    queue.add('a');
    assert.equal(await queue.take(), 'a');
    queue.add('a', 'later');
    queue.add('a');
    queue.add('a', 'later');
    queue.add('b');
    assert.equal(await queue.take(), 'b');
    const next = queue.take();
    queue.add('c', 'later');
    assert.equal(await next, 'c', 'a is still worked on');
    const again = queue.take();
    queue.done('a');
    assert.equal(await again, 'a');
    queue.done('a');
    assert.equal(queue.depth, 0);
  });

  it('wakes those who wait, each with another key', async () => {
    const takers = [queue.take(), queue.take()];
    queue.add('a');
    queue.add('b');
    assert.deepEqual(await Promise.all(takers), ['a', 'b']);
  });

  it('adds after a while; the last wait counts', async () => {
    queue.addAfter('a', 1_000);
    queue.addAfter('a', 5_000);
    mock.timers.tick(4_999);
    assert.equal(queue.depth, 0);
    mock.timers.tick(1);
    assert.deepEqual(await takeAll(), ['a']);
  });

  it('forgets the timer of a key that is taken before', async () => {
    queue.addAfter('a', 1_000);
    queue.add('a');
    assert.equal(await queue.take(), 'a');
    queue.done('a');
    mock.timers.tick(10_000);
    assert.equal(queue.depth, 0);
  });

  it('waits longer with each failure, up to a minute, until it goes well', () => {
    const waits = Array.from({ length: 12 }, () => queue.retry('a'));
    assert.deepEqual(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]);
    assert.equal(queue.retry('a', 700), 700);
    queue.succeeded('a');
    assert.equal(queue.retry('a'), 250);
    assert.equal(queue.retry('b'), 250, 'each key for itself');
  });

  it('jitters its waits', () => {
    const least = new WorkQueue<string>({ random: () => 0 });
    assert.deepEqual([least.retry('a'), least.retry('a')], [125, 250]);
    least.close();
  });

  it('closes: those who wait are told, and nothing is added any more', async () => {
    const waiting = queue.take();
    queue.addAfter('a', 1_000);
    queue.close();
    assert.equal(await waiting, undefined);
    mock.timers.tick(10_000);
    queue.add('b');
    assert.equal(await queue.take(), undefined);
    assert.equal(queue.depth, 0);
  });

  it('takes a wait longer than a timer can have', () => {
    queue.addAfter('a', 400 * 86_400_000);
    mock.timers.tick(60_000);
    assert.equal(queue.depth, 0);
  });
});
