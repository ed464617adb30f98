import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { callbackPath } from '../coordination/keys.ts';
import { MemoryCoordinator } from '../coordination/memory/memory.ts';
import { type CallbackRecord, decode, encode } from '../coordination/records.ts';
import type { RunId, WorkerId } from '../domain/run/run.ts';
import { silentLogger } from '../observability/logger.ts';
import { Callbacks, NoCallbackUrlError } from './callbacks.ts';
import type { HeldRun } from './claims/held-run.ts';
import { until } from './supervisor/testing/requests.ts';

async function setUp(t: { after(hook: () => Promise<void>): void }, baseUrl?: string) {
  const coordinator = new MemoryCoordinator();
  const session = await coordinator.createSession({ name: 'w', ttl: 60_000, lockDelay: 0, serviceChecks: [] });
  const told: unknown[] = [];
  const callbacks = new Callbacks({
    worker: 'w-1' as WorkerId,
    coordinator,
    supervisor: { callback: (run, attempt, said) => told.push([run, attempt, said]) },
    baseUrl,
    clock: () => 1_000_000,
    logger: silentLogger,
  });
  t.after(async () => {
    await callbacks.stop();
    await coordinator.close();
  });
  const hold = async (run: string): Promise<HeldRun> => {
    const lockKey = `cron/lock/n/j/${run}`;
    await coordinator.transact([{ verb: 'lock', key: lockKey, value: 'x', session }]);
    const entry = { body: JSON.stringify({ timeoutSeconds: 60 }) };
    return { run: run as RunId, attempt: 3, lockKey, session, entry } as HeldRun;
  };
  const record = async (run: string) => {
    const entry = await coordinator.get(callbackPath(run as RunId));
    return entry && decode<CallbackRecord>(entry);
  };
  const put = (value: CallbackRecord) =>
    coordinator.transact([{ verb: 'set', key: callbackPath(value.run), value: encode(value) }]);
  return { coordinator, callbacks, told, hold, record, put };
}

test('only the hash of the token is written, and only while the lock is held', async t => {
  const { coordinator, callbacks, hold, record } = await setUp(t, 'https://masters.example');
  const held = await hold('r1');
  const url = await callbacks.prepare(held);
  const token =
    /^https:\/\/masters\.example\/api\/v1\/callbacks\/r1\/3\?token=([\w-]{43})$/.exec(url)?.[1] ?? assert.fail(url);
  const written = await record('r1');
  assert.deepEqual(written, {
    v: 1,
    run: 'r1',
    attempt: 3,
    worker: 'w-1',
    tokenHash: createHash('sha256').update(token).digest('hex'),
    until: 1_060_000,
  });
  await coordinator.destroySession(held.session);
  await assert.rejects(callbacks.prepare({ ...held, run: 'r2' as RunId }), /its lock is gone/);
  assert.equal(await record('r2'), undefined);
});

test('progress is told as it comes and the answer once; other attempts and runs are let be', async t => {
  const { callbacks, told, hold, record, put } = await setUp(t, 'http://m');
  await callbacks.prepare(await hold('r1'));
  const one = (await record('r1')) ?? assert.fail();
  const answer = { outcome: 'Succeeded' } as const;
  await put({ ...one, run: 'other' as RunId, answer });
  await put({ ...one, progress: { progress: 10 } });
  await until(() => told.length === 1);
  await put({ ...one, attempt: 2, answer });
  await put({ ...one, progress: { progress: 10 } });
  await until(() => told.length === 2);
  await put({ ...one, answer });
  await until(() => told.length === 3);
  await put({ ...one, run: 'another' as RunId, answer });
  // Long enough for it to be told again, if it were.
  await new Promise(resolve => setTimeout(resolve, 500));
  assert.deepEqual(told, [
    ['r1', 3, { progress: 10 }],
    ['r1', 3, { progress: 10 }],
    ['r1', 3, answer],
  ]);
});

test('without a master, and without a setting, there is nowhere to call back', async t => {
  const { callbacks, hold } = await setUp(t);
  await assert.rejects(callbacks.prepare(await hold('r1')), NoCallbackUrlError);
});

test('a master of the catalog is named, by the address that it says of itself', async t => {
  const { coordinator, callbacks, hold } = await setUp(t);
  const service = { service: 'cronmesh-master', id: 'm', port: 8080, checks: [] };
  await coordinator.register({ ...service, address: '::1', meta: {} });
  assert.match(await callbacks.prepare(await hold('r1')), /^http:\/\/\[::1\]:8080\/api\/v1\/callbacks\/r1\/3/);
  await coordinator.register({ ...service, address: '::1', meta: { url: 'https://masters.example/c' } });
  assert.match(await callbacks.prepare(await hold('r2')), /^https:\/\/masters\.example\/c\/api\/v1\/callbacks\/r2\/3/);
});
