import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLogger } from '../../observability/logger.ts';
import { SupervisorClient } from './client.ts';
import { systemClocks } from './clocks.ts';
import { processesOf, shellRequest, until } from './testing/requests.ts';
import { inbox, isAlive, startWorker } from './testing/stand-in.ts';

const deaf = 'trap "" TERM; echo ready; while :; do sleep 0.01; done';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cronmesh-client-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function client(t: TestContext, directory: string) {
  const box = inbox();
  const supervisor = new SupervisorClient({
    worker: 'test',
    directory,
    allowPrivateAddresses: true,
    kubernetes: false,
    logger: silentLogger,
    onMessage: message => box.messages.push(message),
    stderr: 'ignore',
  });
  t.after(() => supervisor.stop({ grace: 0 }));
  await supervisor.start();
  supervisor.lease({ monotonic: systemClocks.monotonic() + 60_000, wall: Date.now() + 60_000 });
  return { supervisor, ...box };
}

test('an attempt is started, heard and finished; the supervisor goes when it is stopped', async t => {
  const directory = await folder(t);
  const { supervisor, messages, finished } = await client(t, directory);
  const { pid } = supervisor;
  assert.ok(pid);
  const request = shellRequest('echo hello');
  supervisor.launch(request);
  assert.deepEqual(await finished(request), { outcome: 'Succeeded', exitCode: 0 });
  assert.deepEqual(
    messages.map(message => (message.type === 'output' ? message.text : message.type)),
    ['started', 'hello\n', 'finished'],
  );
  await supervisor.stop();
  assert.equal(isAlive(pid), false);
  assert.deepEqual(await readdir(directory), []);
  const late = shellRequest('true');
  supervisor.launch(late);
  await until(() => messages.some(one => one.run === late.run && one.type === 'refused'));
});

test('a supervisor that cannot begin fails the start, and says so', async t => {
  const directory = join(await folder(t), 'file');
  await writeFile(directory, '');
  const options = { worker: 'test', directory, allowPrivateAddresses: true, kubernetes: false, logger: silentLogger };
  const supervisor = new SupervisorClient({ ...options, onMessage: () => {}, stderr: 'ignore' });
  await assert.rejects(supervisor.start(), /the supervisor ended with status 1 before it was ready/);
  await supervisor.stop();
});

test('signals of the terminal do not reach the supervisor, a kill of one run does', async t => {
  const { supervisor, ready, finished } = await client(t, await folder(t));
  const request = shellRequest(deaf, { grace: 50 });
  supervisor.launch(request);
  await ready(request);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(supervisor.pid ?? 0, signal);
  supervisor.kill(request.run, request.attempt, 'anna');
  assert.equal((await finished(request))?.message, 'killed by anna');
  assert.ok(supervisor.ready);
});

test('stop ends what still runs and passes on how it ended', async t => {
  const { supervisor, ready, find } = await client(t, await folder(t));
  const request = shellRequest(deaf);
  supervisor.launch(request);
  await ready(request);
  await supervisor.stop({ grace: 50 });
  const message = find(request, 'finished');
  assert.equal(message?.type === 'finished' && message.result.outcome, 'Killed');
  assert.deepEqual(await processesOf(request.run), []);
});

test('a supervisor that dies is replaced; what it ran is ended and Lost', async t => {
  const { supervisor, ready, finished } = await client(t, await folder(t));
  const request = shellRequest(`setsid sleep 1000 & ${deaf}`);
  supervisor.launch(request);
  await ready(request);
  const { pid } = supervisor;
  process.kill(pid ?? 0, 'SIGKILL');
  assert.deepEqual(await finished(request), { outcome: 'Lost', message: 'its supervisor died' });
  assert.deepEqual(await processesOf(request.run), []);
  await until(() => supervisor.ready);
  assert.notEqual(supervisor.pid, pid);
  // The lease was told to the new one.
  const next = shellRequest('true');
  supervisor.launch(next);
  assert.equal((await finished(next))?.outcome, 'Succeeded');
});

test('what a dead supervisor had not begun is refused, not lost', async t => {
  const { supervisor, find } = await client(t, await folder(t));
  process.kill(supervisor.pid ?? 0, 'SIGSTOP');
  const request = shellRequest('true');
  supervisor.launch(request);
  process.kill(supervisor.pid ?? 0, 'SIGKILL');
  await until(() => find(request, 'refused') !== undefined);
  const message = find(request, 'refused');
  assert.equal(message?.type === 'refused' && message.reason, 'its supervisor died before it was started');
});

test('kill -9 of a worker leaves none of its children one second later', async t => {
  const family = shellRequest(`(setsid sleep 1000 >/dev/null 2>&1 &); sleep 1001 & ${deaf}`, { grace: 60_000 });
  const exclusive = shellRequest(deaf, { exclusive: true });
  const { child, supervisorPid } = await startWorker(t, {
    directory: await folder(t),
    lease: 60_000,
    requests: [family, exclusive],
  });
  assert.ok((await processesOf(family.run)).length >= 3);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await new Promise(resolve => setTimeout(resolve, 1_000));
  assert.deepEqual(await processesOf(family.run), []);
  assert.deepEqual(await processesOf(exclusive.run), []);
  await until(() => !isAlive(supervisorPid));
});

test('a stopped worker: its exclusive child is gone when its lease ends', async t => {
  const exclusive = shellRequest(deaf, { exclusive: true, grace: 60_000 });
  const shared = shellRequest(deaf);
  const lease = 4_000;
  const { child, find } = await startWorker(t, { directory: await folder(t), lease, requests: [exclusive, shared] });
  child.kill('SIGSTOP');
  const stopped = performance.now();
  await until(async () => (await processesOf(exclusive.run)).length === 0);
  const took = performance.now() - stopped;
  assert.ok(took > lease - 500 && took < lease + 200, `gone after ${took} ms`);
  assert.ok((await processesOf(shared.run)).length > 0);
  child.kill('SIGCONT');
  await until(() => find(exclusive, 'finished') !== undefined);
  const message = find(exclusive, 'finished');
  assert.equal(message?.type === 'finished' && message.result.outcome, 'Lost');
});

test('worker and supervisor both killed: the next start ends what they left, and knows it', async t => {
  const directory = await folder(t);
  const request = shellRequest(`setsid sleep 1000 & ${deaf}`);
  const { child, supervisorPid } = await startWorker(t, { directory, lease: 60_000, requests: [request] });
  process.kill(supervisorPid, 'SIGSTOP');
  child.kill('SIGKILL');
  process.kill(supervisorPid, 'SIGKILL');
  await once(child, 'exit');
  await until(() => !isAlive(supervisorPid));
  assert.ok((await processesOf(request.run)).length > 0);
  const { supervisor } = await client(t, directory);
  assert.deepEqual(await processesOf(request.run), []);
  assert.deepEqual(
    supervisor.recovered.map(({ run, endedAt }) => [run, endedAt]),
    [[request.run, undefined]],
  );
});
