import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { consulSkip, startConsul } from '../../../test/support/consul.ts';
import { ConsulCoordinator } from '../../coordination/consul/consul.ts';
import { lockPath, lostPath, triggerPath } from '../../coordination/keys.ts';
import { decode, encode, type LockRecord, type TriggerRecord } from '../../coordination/records.ts';
import type { JobUid } from '../../domain/job/job.ts';
import type { RunId, WorkerId } from '../../domain/run/run.ts';
import { processesOf, shellRequest, uniqueRun, until } from './testing/requests.ts';
import { isAlive, startWorker } from './testing/stand-in.ts';

const worker = 'worker-1' as WorkerId;
const lockOf = (run: RunId): string => lockPath('default/job', run);

function recordOf(run: RunId): LockRecord {
  const deadline = Date.now() + 60_000;
  return { v: 1, run, attempt: 1, worker, jobUid: 'uid' as JobUid, trigger: 'tick', tick: Date.now(), deadline };
}

test('a killed worker’s runs, locks and session are settled in a real Consul', { skip: consulSkip() }, async t => {
  const consul = await startConsul();
  t.after(() => consul.stop());
  const coordinator = new ConsulCoordinator({ address: consul.address });
  t.after(() => coordinator.close());
  const directory = await mkdtemp(join(tmpdir(), 'cronmesh-handover-'));
  t.after(() => rm(directory, { recursive: true, force: true }));

  const meta = {};
  const check = { kind: 'ttl', id: 'ready-1', name: 'ready', ttl: 60_000 } as const;
  const service = { service: 'cronmesh-worker', id: worker, address: '127.0.0.1', port: 1, meta, checks: [check] };
  await coordinator.register(service);
  const session = await coordinator.createSession({ name: worker, ttl: 20_000, lockDelay: 15_000, serviceChecks: [] });
  const request = shellRequest('trap "" TERM; echo ready; while :; do sleep 0.01; done');
  const unspawned = uniqueRun();
  for (const run of [request.run, unspawned]) {
    const value = encode(recordOf(run));
    assert.ok((await coordinator.transact([{ verb: 'lock', key: lockOf(run), value, session }])).ok);
  }
  const { child, supervisorPid } = await startWorker(t, {
    directory,
    worker,
    serviceId: worker,
    session,
    consul: { address: consul.address },
    lease: 60_000,
    requests: [request],
  });
  child.kill('SIGKILL');
  await until(() => !isAlive(supervisorPid));

  assert.deepEqual(await processesOf(request.run), []);
  const trigger = await coordinator.get(triggerPath('default/job', unspawned));
  assert.ok(trigger);
  assert.equal(decode<TriggerRecord>(trigger).by, 'handed back by worker-1');
  assert.ok(await coordinator.get(lostPath(request.run)));
  assert.equal(await coordinator.get(lostPath(unspawned)), undefined);
  assert.equal(await coordinator.sessionExists(session), false);
  assert.deepEqual(await coordinator.list('cron/lock/'), []);
  const services = await coordinator.blockService('cronmesh-worker', {
    index: 0,
    wait: 1_000,
    signal: AbortSignal.timeout(5_000),
  });
  assert.deepEqual(services.value, []);
  assert.deepEqual(await readdir(directory), []);
  // The locks are free at once: no lock delay stands in the way of the next worker.
  const next = await coordinator.createSession({ name: 'next', ttl: 20_000, lockDelay: 15_000, serviceChecks: [] });
  const value = encode(recordOf(request.run));
  assert.ok((await coordinator.transact([{ verb: 'lock', key: lockOf(request.run), value, session: next }])).ok);
});
