import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunId } from '../../domain/run/run.ts';
import { Outlet } from './outlet.ts';
import { AttemptOutput } from './output.ts';
import type { FromSupervisor } from './protocol.ts';

type Output = Extract<FromSupervisor, { type: 'output' }>;

/** A channel whose messages are taken when the test says so. */
function channel() {
  const messages: Output[] = [];
  const pending: (() => void)[] = [];
  const outlet = new Outlet((message, done) => {
    messages.push(message as Output);
    pending.push(done);
  });
  const take = (): void => {
    for (const done of pending.splice(0)) done();
  };
  return { outlet, messages, take };
}

const id = { run: 'r-1' as RunId, attempt: 1 };

test('small pieces are gathered, in order over the streams, counted from 0', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { outlet, messages } = channel();
  const output = new AttemptOutput(id, outlet);
  output.add('stdout', 'a');
  output.add('stdout', 'b');
  output.add('stderr', 'c');
  output.add('stdout', 'd');
  assert.equal(messages.length, 0);
  t.mock.timers.tick(50);
  output.add('stdout', 'e');
  output.end();
  assert.deepEqual(
    messages.map(({ sequence, stream, text }) => [sequence, stream, text]),
    [
      [0, 'stdout', 'ab'],
      [1, 'stderr', 'c'],
      [2, 'stdout', 'd'],
      [3, 'stdout', 'e'],
    ],
  );
});

test('16 kB are sent at once', () => {
  const { outlet, messages } = channel();
  const output = new AttemptOutput(id, outlet);
  output.add('stdout', 'x'.repeat(16 * 1024));
  assert.equal(messages.length, 1);
  output.end();
  assert.equal(messages.length, 1);
});

test('a worker that takes nothing holds output up for a moment, then it is dropped and the log says so', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { outlet, messages, take } = channel();
  const output = new AttemptOutput(id, outlet);
  const megabyte = 'x'.repeat(1024 * 1024);
  let waited = 0;
  for (let i = 0; i < 40; i++) {
    const wait = output.add('stdout', megabyte);
    if (!wait) continue;
    waited++;
    t.mock.timers.tick(500);
    await wait;
  }
  const sent = messages.length;
  assert.ok(waited > 30);
  assert.ok(sent >= 16 && sent <= 17, `${sent} MB are held`);
  take();
  output.end();
  const last = messages.at(-1);
  assert.equal(last?.stream, 'system');
  assert.equal(
    last?.text,
    `${(40 - sent) * megabyte.length} characters of output were dropped: the worker did not take them in time\n`,
  );
  assert.equal(last?.sequence, sent);
});

test('room comes back as soon as the worker takes what is there', async () => {
  const { outlet, take } = channel();
  const output = new AttemptOutput(id, outlet);
  const wait = output.add('stdout', 'x'.repeat(5 * 1024 * 1024));
  assert.ok(wait);
  take();
  await wait;
  assert.equal(output.add('stdout', 'y'), undefined);
  output.end();
});
