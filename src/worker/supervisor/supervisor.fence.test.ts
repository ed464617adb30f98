import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLogger } from '../../observability/logger.ts';
import { createExecutors } from '../executors/index.ts';
import { longTimer, systemClocks } from './clocks.ts';
import { Journal } from './journal.ts';
import type { FromSupervisor, StartRequest } from './protocol.ts';
import { Supervisor } from './supervisor.ts';
import { processesOf, shellRequest, until } from './testing/requests.ts';

const deaf = 'trap "" TERM; echo ready; while :; do sleep 0.01; done';

async function setUp(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'cronmesh-supervisor-'));
  const journal = new Journal(directory);
  const messages: FromSupervisor[] = [];
  const skew = { wall: 0 };
  const supervisor = new Supervisor({
    send: (message, done) => {
      messages.push(message);
      done();
    },
    journal,
    executors: createExecutors({ allowPrivateAddresses: true }),
    logger: silentLogger,
    clocks: { monotonic: systemClocks.monotonic, wall: () => Date.now() + skew.wall },
    fenceGrace: 200,
  });
  t.after(async () => {
    await supervisor.close({ kind: 'killed', by: 'the test' }, 0);
    journal.close({ remove: true });
    await rm(directory, { recursive: true, force: true });
  });
  return {
    supervisor,
    journal,
    messages,
    skew,
    start: (request: StartRequest) => supervisor.handle({ type: 'start', request }),
    lease: (left: number) =>
      supervisor.handle({
        type: 'lease',
        lease: { monotonic: systemClocks.monotonic() + left, wall: Date.now() + left },
      }),
    last: (request: StartRequest) => messages.filter(one => 'run' in one && one.run === request.run).at(-1),
    printed: (request: StartRequest, text: string) =>
      until(() => messages.some(one => one.type === 'output' && one.run === request.run && one.text.includes(text))),
    finished: async (request: StartRequest) => {
      await until(() => messages.some(one => one.type === 'finished' && one.run === request.run));
      const message = messages.find(one => one.type === 'finished' && one.run === request.run);
      return message?.type === 'finished' ? message.result : undefined;
    },
  };
}

test('nothing starts before the first lease, nor after it has passed by either clock', async t => {
  const { start, lease, last, skew, journal } = await setUp(t);
  const reasonOf = (request: StartRequest): string => {
    start(request);
    const message = last(request);
    return message?.type === 'refused' ? message.reason : `${message?.type}`;
  };
  assert.equal(reasonOf(shellRequest('true')), 'the worker has no lease yet');
  lease(-50);
  const late = shellRequest('true');
  assert.match(reasonOf(late), /^the lease on the worker's session passed \d+ ms ago$/);
  assert.equal(journal.entry(late), undefined);
  lease(10_000);
  skew.wall = 11_000;
  assert.match(reasonOf(shellRequest('true')), /passed 1\d{3} ms ago$/);
  skew.wall = 0;
  lease(150);
  assert.match(reasonOf(shellRequest('true', { exclusive: true })), /too soon for an exclusive run$/);
});

test('an exclusive run gets TERM before the lease ends and is gone at its end; others go on', async t => {
  const { start, lease, finished, last, printed } = await setUp(t);
  lease(700);
  const ends = performance.now() + 700;
  const obedient = shellRequest('trap "echo termed; exit 0" TERM; echo ready; while :; do sleep 0.01; done', {
    exclusive: true,
    grace: 5_000,
  });
  const exclusive = shellRequest(deaf, { exclusive: true, grace: 5_000 });
  const shared = shellRequest(deaf);
  for (const request of [obedient, exclusive, shared]) start(request);
  for (const request of [obedient, exclusive, shared]) await printed(request, 'ready');
  assert.equal((await finished(obedient))?.outcome, 'Lost');
  assert.ok(performance.now() < ends, 'TERM came before the end');
  const result = await finished(exclusive);
  assert.equal(result?.outcome, 'Lost');
  assert.equal(result?.message, "ended since the lease on its worker's session ran out");
  assert.ok(performance.now() >= ends - 50 && performance.now() < ends + 300);
  assert.deepEqual(await processesOf(exclusive.run), []);
  assert.notEqual(last(shared)?.type, 'finished');
});

test('a lease that is renewed ends nothing', async t => {
  const { start, lease, finished } = await setUp(t);
  lease(500);
  const request = shellRequest('sleep 1', { exclusive: true });
  start(request);
  const renewal = setInterval(() => lease(500), 100);
  t.after(() => clearInterval(renewal));
  assert.equal((await finished(request))?.outcome, 'Succeeded');
});

test('a machine that slept is seen by the wall clock', async t => {
  const { start, lease, finished, skew, printed } = await setUp(t);
  lease(60_000);
  const request = shellRequest(deaf, { exclusive: true });
  start(request);
  await printed(request, 'ready');
  skew.wall = 61_000;
  assert.equal((await finished(request))?.outcome, 'Lost');
});

test('a lost session ends what is exclusive; a new epoch does not', async t => {
  const { supervisor, start, lease, finished, printed, last } = await setUp(t);
  supervisor.handle({ type: 'session', session: 'a', epoch: 1 });
  lease(60_000);
  const request = shellRequest(deaf, { exclusive: true });
  start(request);
  await printed(request, 'ready');
  supervisor.handle({ type: 'session', session: 'a', epoch: 2 });
  assert.notEqual(last(request)?.type, 'finished');
  supervisor.handle({ type: 'session' });
  assert.equal((await finished(request))?.message, "ended since its worker's session was lost");
});

test('a timeout ends a run that ignores TERM', async t => {
  const { start, lease, finished } = await setUp(t);
  lease(60_000);
  const request = shellRequest(deaf, { timeout: 1_000, grace: 200 });
  const began = performance.now();
  start(request);
  const result = await finished(request);
  assert.equal(result?.outcome, 'TimedOut');
  assert.equal(result?.message, 'ended after its timeout of 1 s');
  assert.ok(performance.now() - began < 3_000);
  assert.deepEqual(await processesOf(request.run), []);
});

test('a timeout of a year does not fire at once', async () => {
  let fired = false;
  const cancel = longTimer(31_536_000_000, () => {
    fired = true;
  });
  await new Promise(resolve => setTimeout(resolve, 20));
  cancel();
  assert.equal(fired, false);
});

test('an attempt starts once, however often it is asked for', async t => {
  const { start, lease, finished, messages } = await setUp(t);
  lease(60_000);
  const request = shellRequest('echo once');
  start(request);
  start(request);
  await finished(request);
  start(request);
  const types = messages.map(({ type }) => type);
  assert.deepEqual(types, ['started', 'output', 'finished']);
});

test('a closed journal refuses starts, since they could not be accounted for', async t => {
  const { start, lease, last, journal } = await setUp(t);
  lease(60_000);
  journal.spawned = () => {
    throw new Error('ENOSPC');
  };
  const request = shellRequest('true');
  start(request);
  const message = last(request);
  assert.equal(message?.type === 'refused' && message.reason, "the supervisor's journal cannot be written: ENOSPC");
});

test('after close nothing starts and nothing is left', async t => {
  const { supervisor, start, lease, last, printed } = await setUp(t);
  lease(60_000);
  const request = shellRequest(deaf);
  start(request);
  await printed(request, 'ready');
  await supervisor.close({ kind: 'killed', by: 'the stop of its worker' }, 50);
  const message = last(request);
  assert.equal(message?.type === 'finished' && message.result.outcome, 'Killed');
  assert.deepEqual(await processesOf(request.run), []);
  const refused = shellRequest('true');
  start(refused);
  assert.equal(last(refused)?.type, 'refused');
});
