import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunId } from '../../domain/run/run.ts';
import { Outlet } from './outlet.ts';
import { AttemptProgress } from './progress.ts';

const id = { run: 'r-1' as RunId, attempt: 1 };

function recorded() {
  const said: (readonly [percent: number, message?: string])[] = [];
  const outlet = new Outlet(message => {
    if (message.type === 'progress')
      said.push(message.message ? [message.percent, message.message] : [message.percent]);
  });
  return { said, progress: new AttemptProgress(id, outlet) };
}

test('the first word goes at once, then the newest each second', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { said, progress } = recorded();
  for (const percent of [1, 2, 3]) progress.say(percent, `at ${percent}`);
  assert.deepEqual(said, [[1, 'at 1']]);
  t.mock.timers.tick(999);
  assert.equal(said.length, 1);
  t.mock.timers.tick(1);
  assert.deepEqual(said[1], [3, 'at 3']);
  t.mock.timers.tick(5_000);
  assert.equal(said.length, 2);
  progress.say(4);
  assert.deepEqual(said[2], [4]);
});

test('the last word comes before the end, and nothing after it', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { said, progress } = recorded();
  progress.say(1);
  progress.say(99);
  progress.end();
  progress.say(100);
  t.mock.timers.tick(5_000);
  assert.deepEqual(said, [[1], [99]]);
});

test('what is out of bounds is brought into them, and what is no number is not told', () => {
  const { said, progress } = recorded();
  progress.say(Number.NaN);
  progress.say(-5, 'm'.repeat(600));
  progress.say(Number.POSITIVE_INFINITY);
  progress.end();
  assert.deepEqual(said, [[0, 'm'.repeat(500)], [100]]);
});
