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
  // Long enough for a busy machine to get from here to the renewal.
  const ending = reign(1_000);
  const until = monotonicNow() + 1_200;
  ending.extend(until);
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
