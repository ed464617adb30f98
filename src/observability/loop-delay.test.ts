import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LoopDelay } from './loop-delay.ts';

function block(time: number): void {
  const until = performance.now() + time;
  while (performance.now() < until);
}

it('a loop that is held is seen, one pause alone counts little, and what is over is forgotten', async () => {
  const loop = new LoopDelay();
  await loop.start();
  assert.equal(loop.delay, 0);
  block(300);
  await delay(0);
  await delay(60);
  const once = loop.delay;
  for (let i = 0; i < 12; i++) {
    block(200);
    await delay(0);
  }
  const long = loop.delay;
  assert.ok(long > 80, `${long} ms after 2.4 s in pieces of 0.2 s`);
  assert.ok(once < 200, `${once} ms after one pause of 0.3 s`);
  while (loop.delay > long / 4) await delay(50);
  await loop.stop();
  assert.equal(loop.delay, 0);
});
