import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ConsulCoordinator } from '../../src/coordination/consul/consul.ts';
import { askForAdoption, letGo, type OutlivingLock } from '../../src/coordination/handover.ts';
import { cursorPath, lockPath, prefix, triggerPath } from '../../src/coordination/keys.ts';
import { decode, encode, type LockRecord } from '../../src/coordination/records.ts';
import type { JobUid } from '../../src/domain/job/job.ts';
import type { RunId, WorkerId } from '../../src/domain/run/run.ts';
import { unchanged } from '../../src/worker/claims/slot-choice.ts';
import { type ConsulServer, consulSkip, startConsul } from '../support/consul.ts';
import { EpochStandIn, Ledger, makeJob, makeWorker, publishJobs, until } from '../support/workers.ts';

const session = { name: 'test', ttl: 20_000, lockDelay: 15_000, serviceChecks: [] };
const lockKey = lockPath('default/job', 0);
const lock: OutlivingLock = {
  v: 1,
  run: 'uid-m-one' as RunId,
  attempt: 1,
  worker: 'worker-1' as WorkerId,
  jobUid: 'uid' as JobUid,
  trigger: 'manual',
  deadline: 1,
  outlives: { handovers: 0, since: 1, until: 2, revision: 1 },
};

describe('handing over on a real Consul', { skip: consulSkip() }, () => {
  let server: ConsulServer;
  let health: Server;

  before(async () => {
    server = await startConsul();
    health = createServer((_, response) => response.end('ok'));
    await new Promise<void>(resolve => health.listen(0, '127.0.0.1', resolve));
  });
  after(async () => {
    health.closeAllConnections();
    await new Promise(resolve => health.close(resolve));
    await server.stop();
  });

  it('lets go of a lock with its key and value, and without a delay; a session’s end delays it', async t => {
    const coordinator = new ConsulCoordinator({ address: server.address });
    t.after(() => coordinator.close());
    const [first, second] = [await coordinator.createSession(session), await coordinator.createSession(session)];
    const value = encode(lock);
    await coordinator.transact([{ verb: 'lock', key: lockKey, value, session: first }]);
    const held = await coordinator.get(lockKey);
    assert.ok(held);
    const ask = askForAdoption(lockKey, lock, 'the test', Date.now());
    assert.ok((await coordinator.transact([...letGo(held, first), ask])).ok);
    const left = await coordinator.get(lockKey);
    assert.deepEqual([left?.value, left?.session], [value, undefined]);
    // A claim that saw the slot free, or held, before it was let go of.
    for (const seen of [undefined, held]) {
      const claim = [unchanged(lockKey, seen), { verb: 'lock', key: lockKey, value: 'x', session: second }] as const;
      assert.equal((await coordinator.transact(claim)).ok, false);
    }
    // Carried out once more, late: nothing.
    assert.equal((await coordinator.transact([...letGo(held, first), ask])).ok, false);
    const adoption = [unchanged(lockKey, left), { verb: 'lock', key: lockKey, value, session: second }] as const;
    const answer = await coordinator.transact(adoption);
    assert.ok(answer.ok);
    assert.equal(answer.entries.findLast(entry => entry?.key === lockKey)?.session, second);
    await coordinator.destroySession(second);
    const orphan = await coordinator.get(lockKey);
    assert.deepEqual([orphan?.value, orphan?.session], [value, undefined]);
    const early = [unchanged(lockKey, orphan), { verb: 'lock', key: lockKey, value, session: first }] as const;
    assert.equal((await coordinator.transact(early)).ok, false);
    await coordinator.transact([
      { verb: 'delete', key: lockKey },
      { verb: 'delete', key: triggerPath('default/job', lock.run) },
    ]);
  });

  it('has a run adopted with the lock that it has, while its job goes on', async t => {
    const connections: ConsulCoordinator[] = [];
    const connect = () => {
      const made = new ConsulCoordinator({ address: server.address });
      connections.push(made);
      return made;
    };
    const epoch = new EpochStandIn(connect());
    const ledger = new Ledger();
    const { port } = health.address() as AddressInfo;
    const workers = [0, 1].map(i =>
      makeWorker(connect(), ledger, {
        name: `worker-${i}`,
        executors: ['kubernetes'],
        kubernetes: true,
        healthAddress: { host: '127.0.0.1', port },
        duration: () => 5_000,
      }),
    );
    t.after(async () => {
      await Promise.all(workers.map(({ worker }) => worker.stop()));
      await epoch.stop();
      await Promise.all(connections.map(one => one.close()));
    });
    await epoch.start();
    await Promise.all(workers.map(({ worker }) => worker.start()));
    await until('both are ready', () => workers.every(({ worker }) => worker.status().ready));
    const kubernetes = { template: { spec: { containers: [{ name: 'main', image: 'busybox' }] } } };
    const job = makeJob('pods', { schedule: '* * * * * *', maxConcurrentRuns: 2, executor: { kubernetes } });
    const coordinator = connect();
    await publishJobs(coordinator, [job]);
    await until('both slots are taken', () => ledger.starts.length === 2);
    const leaving = workers.find(({ id }) => ledger.starts.some(({ worker }) => worker === id));
    const staying = workers.find(one => one !== leaving);
    const own = ledger.starts.filter(({ worker }) => worker === leaving?.id).map(({ request }) => request);
    await leaving?.worker.stop();
    await until('the adoptions', () => ledger.adoptions.length === own.length);
    for (const { run, lockKey: key } of own) {
      const entry = await coordinator.get(key);
      assert.equal(entry?.session, staying?.worker.status().session);
      assert.equal(entry && decode<LockRecord>(entry).run, run);
      await until('its end', () => ledger.finished(run));
    }
    await until('the next starts', () => ledger.starts.length > 2);
    assert.deepEqual(ledger.startedTwice(), []);
    assert.ok(await coordinator.get(cursorPath('default/pods')));
    while ((await coordinator.keys(prefix.trigger)).length > 0) await delay(50);
  });
});
