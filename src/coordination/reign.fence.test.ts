import assert from 'node:assert/strict';
import { test } from 'node:test';
import { monotonicNow } from './monotonic.ts';
import { Reign } from './reign.ts';

const reign = (until: number) =>
  new Reign({ role: 'r', session: 's', lockKey: 'cron/leader/r', term: 1, until: monotonicNow() + until });

test('ends when its fence falls', async () => {
  const ending = reign(20);
  assert.equal(ending.valid, true);
  assert.match(await ending.ended, /not renewed in time/);
  assert.equal(ending.signal.aborted, true);
  assert.equal(ending.valid, false);
});

test('a renewal moves the fence', async () => {
  let ending: Reign;
  let until: number;
  // A machine that is busy for so long that the fence falls before the renewal shows nothing: once more.
  do {
    ending = reign(300);
    until = monotonicNow() + 600;
    ending.extend(until);
  } while (!ending.valid);
  await ending.ended;
  assert.ok(monotonicNow() >= until - 1);
});

test('a renewal that was answered after the fence had fallen revives nothing, however late the timer is', async () => {
  const ending = reign(5);
  const stall = monotonicNow() + 15;
  while (monotonicNow() < stall); // As a process that was stopped: no timer has run.
  assert.equal(ending.valid, false);
  ending.extend(monotonicNow() + 60_000);
  assert.equal(ending.valid, false);
  await ending.ended;
});
