import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processesOf, recorder, shellRequest, until } from '../../supervisor/testing/requests.ts';
import { createShellExecutor } from './index.ts';

const shellExecutor = createShellExecutor();

/** Prints `ready` once a grandchild, one behind setsid and one behind a double fork run, all deaf to TERM. */
const family = `
trap '' TERM
sleep 1000 &
setsid sleep 1001 >/dev/null 2>&1 < /dev/null &
(setsid sh -c 'sleep 1002 & sleep 1003' >/dev/null 2>&1 < /dev/null & )
sh -c 'sleep 1004 & wait' &
while [ "$(grep -lsz "^CRONMESH_RUN=$CRONMESH_RUN$" /proc/[0-9]*/environ | wc -l)" -lt 8 ]; do :; done
echo ready
wait
`;

test('a kill ends the whole tree, also behind setsid and a double fork', async () => {
  const request = shellRequest({ script: family }, { grace: 100 });
  const record = recorder();
  const execution = shellExecutor.execute(request, record.hooks);
  await record.printed('ready');
  assert.ok((await processesOf(request.run)).length >= 7);
  execution.end({ kind: 'killed', by: 'anna' }, request.grace);
  const result = await execution.result;
  assert.equal(result.outcome, 'Killed');
  assert.equal(result.message, 'killed by anna');
  assert.deepEqual(await processesOf(request.run), []);
});

test('a process that obeys TERM can end in its own way, before any KILL', async () => {
  const request = shellRequest('trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.01; done');
  const record = recorder();
  const execution = shellExecutor.execute(request, record.hooks);
  await record.printed('ready');
  execution.end({ kind: 'timeout' }, 60_000);
  assert.deepEqual(await execution.result, {
    outcome: 'TimedOut',
    exitCode: 7,
    message: 'ended after its timeout of 30 s',
  });
  assert.equal(record.texts.stdout, 'ready\nbye\n');
});

test('a second end brings the KILL forward, and the first reason stays', async () => {
  const request = shellRequest('trap "" TERM; echo ready; while :; do sleep 0.01; done');
  const record = recorder();
  const execution = shellExecutor.execute(request, record.hooks);
  await record.printed('ready');
  execution.end({ kind: 'killed', by: 'anna' }, 3_600_000);
  execution.end({ kind: 'lost', why: 'the lease ended' }, 50);
  assert.deepEqual(await execution.result, { outcome: 'Killed', signal: 'SIGKILL', message: 'killed by anna' });
});

test('what a run leaves in the background is ended with it', async () => {
  const request = shellRequest('setsid sleep 1000 >/dev/null 2>&1 & echo done');
  const record = recorder();
  const result = await shellExecutor.execute(request, record.hooks).result;
  assert.equal(result.outcome, 'Succeeded');
  assert.match(record.texts.system, /^ended a process that the run left in the background\n$/);
  assert.deepEqual(await processesOf(request.run), []);
});

test('a background process that holds the output does not hang the run, and its last words are kept', async () => {
  const request = shellRequest('(sleep 0.2; echo late; exec sleep 1000) & echo first');
  const record = recorder();
  const began = performance.now();
  const result = await shellExecutor.execute(request, record.hooks).result;
  assert.equal(result.outcome, 'Succeeded');
  assert.equal(record.texts.stdout, 'first\nlate\n');
  assert.ok(performance.now() - began < 5_000);
  await until(async () => (await processesOf(request.run)).length === 0);
});

test('processes of other attempts are left alone', async () => {
  const other = shellRequest('echo ready; exec sleep 1000');
  const record = recorder();
  const execution = shellExecutor.execute(other, record.hooks);
  await record.printed('ready');
  // The same run's next attempt.
  await shellExecutor.execute({ ...shellRequest('true', { run: other.run }), attempt: 2 }, recorder().hooks).result;
  assert.equal((await processesOf(other.run)).length, 1);
  execution.end({ kind: 'killed', by: 'the test' }, 0);
  await execution.result;
});
