import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { ConsulCoordinator } from '../../src/coordination/consul/consul.ts';
import type { Coordinator } from '../../src/coordination/coordinator.ts';
import { type ConsulServer, consulSkip, startConsul } from '../support/consul.ts';
import { EpochStandIn, Ledger, makeJob, makeWorker, publishJobs, type TestWorker, until } from '../support/workers.ts';

describe('workers on a real Consul', { skip: consulSkip() }, () => {
  let server: ConsulServer;
  let health: Server;
  let epoch: EpochStandIn;
  let ledger: Ledger;
  let workers: TestWorker[];
  let coordinators: ConsulCoordinator[];
  let folder: string;

  before(async () => {
    health = createServer((_, response) => response.end('ok'));
    await new Promise<void>(resolve => health.listen(0, '127.0.0.1', resolve));
    folder = await mkdtemp(join(tmpdir(), 'cronmesh-worker-'));
  });

  after(async () => {
    health.closeAllConnections();
    await new Promise(resolve => health.close(resolve));
    await rm(folder, { recursive: true });
  });

  beforeEach(async () => {
    server = await startConsul();
    coordinators = [];
    ledger = new Ledger();
    workers = [];
    epoch = new EpochStandIn(connect());
    await epoch.start();
  });

  afterEach(async () => {
    await Promise.all(workers.map(({ worker }) => worker.stop()));
    await epoch.stop();
    await Promise.all(coordinators.map(coordinator => coordinator.close()));
    await server.stop();
  });

  function connect(): ConsulCoordinator {
    const coordinator = new ConsulCoordinator({ address: server.address });
    coordinators.push(coordinator);
    return coordinator;
  }

  async function startWorkers(count: number): Promise<Coordinator> {
    const { port } = health.address() as AddressInfo;
    const made = Array.from({ length: count }, (_, i) =>
      makeWorker(connect(), ledger, { name: `worker-${i}`, healthAddress: { host: '127.0.0.1', port } }),
    );
    workers.push(...made);
    await Promise.all(made.map(({ worker }) => worker.start()));
    await until('all workers are ready', () => made.every(({ worker }) => worker.status().ready));
    return connect();
  }

  const lateness = (): number[] =>
    ledger.starts.map(({ at, request }) => at - Date.parse(request.env.CRONMESH_TICK ?? '')).sort((a, b) => a - b);

  it('starts every tick exactly once, at once, in even shares, and leaves nothing behind', async () => {
    const coordinator = await startWorkers(3);
    const jobs = Array.from({ length: 20 }, (_, i) => makeJob(`every-${i}`, { schedule: '* * * * * *' }));
    await publishJobs(coordinator, jobs);
    await until('200 starts', () => ledger.starts.length >= 200);
    await Promise.all(workers.map(({ worker }) => worker.stop()));
    assert.deepEqual(ledger.startedTwice(), []);
    for (const job of jobs) {
      const ticks = ledger.ticks(job.uid);
      const [first = 0] = ticks;
      assert.deepEqual(
        ticks,
        ticks.map((_, i) => first + i * 1_000),
        `${job.name} missed a tick`,
      );
    }
    const late = lateness();
    assert.ok((late[Math.floor(late.length / 2)] ?? 0) < 100, `p50 ${late[Math.floor(late.length / 2)]} ms`);
    for (const { id } of workers) {
      const share = ledger.starts.filter(({ worker }) => worker === id).length / ledger.starts.length;
      assert.ok(share > 0.2 && share < 0.47, `${id} has ${share}`);
    }
    assert.deepEqual(await coordinator.keys('cron/lock/'), []);
    assert.deepEqual(await coordinator.keys('cron/lane/'), []);
  });

  for (const loss of ['wiped', 'restored'] as const) {
    it(`is held by a Consul that was ${loss}, and starts nothing twice`, async () => {
      const coordinator = await startWorkers(3);
      const jobs = Array.from({ length: 20 }, (_, i) => makeJob(`every-${i}`, { schedule: '* * * * * *' }));
      await publishJobs(coordinator, jobs);
      await until('40 starts', () => ledger.starts.length >= 40);
      const snapshot = join(folder, `${loss}.snap`);
      await server.snapshotSave(snapshot);
      const before = ledger.starts.length;
      await until('60 more', () => ledger.starts.length >= before + 60);
      if (loss === 'wiped') await server.restart({ empty: true });
      else await server.snapshotRestore(snapshot);
      await until('all are held', () => workers.every(({ worker }) => worker.status().held));
      const next = await epoch.next();
      if (loss === 'wiped') await publishJobs(coordinator, jobs);
      const again = ledger.starts.length;
      await until('60 more after it', () => ledger.starts.length >= again + 60, 60_000);
      await Promise.all(workers.map(({ worker }) => worker.stop()));
      assert.deepEqual(ledger.startedTwice(), []);
      const ticks = ledger.starts.slice(again).map(({ request }) => Date.parse(request.env.CRONMESH_TICK ?? ''));
      assert.ok(
        ticks.every(tick => tick > next.floor),
        'a tick below the floor of the epoch was started',
      );
      assert.deepEqual(await coordinator.keys('cron/lock/'), []);
    });
  }

  it('runs every tick, late but in order, after Consul stood still for three seconds', async () => {
    const coordinator = await startWorkers(3);
    const jobs = Array.from({ length: 20 }, (_, i) => makeJob(`every-${i}`, { schedule: '* * * * * *' }));
    await publishJobs(coordinator, jobs);
    await until('40 starts', () => ledger.starts.length >= 40);
    process.kill(server.pid, 'SIGSTOP');
    const stopped = Date.now();
    await until('three seconds', () => Date.now() > stopped + 3_000);
    process.kill(server.pid, 'SIGCONT');
    const again = ledger.starts.length;
    await until('what was missed and more', () => ledger.starts.length >= again + 140);
    await Promise.all(workers.map(({ worker }) => worker.stop()));
    assert.deepEqual(ledger.startedTwice(), []);
    for (const job of jobs) {
      const ticks = ledger.ticks(job.uid);
      const [first = 0] = ticks;
      assert.deepEqual(
        ticks,
        ticks.map((_, i) => first + i * 1_000),
        `${job.name} missed a tick`,
      );
    }
  });

  it('gives its ticks to the others when its process is gone, whose port refuses', async () => {
    const coordinator = await startWorkers(2);
    const [first] = workers;
    assert.ok(first);
    const jobs = Array.from({ length: 20 }, (_, i) => makeJob(`every-${i}`, { schedule: '* * * * * *' }));
    await publishJobs(coordinator, jobs);
    await until('40 starts', () => ledger.starts.length >= 40);
    first.coordinator.cut();
    first.supervisor.die();
    const died = Date.now();
    await until('six seconds', () => Date.now() > died + 6_000);
    first.coordinator.bury();
    await Promise.all(workers.map(({ worker }) => worker.stop()));
    assert.deepEqual(ledger.startedTwice(), []);
    const late = ledger.starts.filter(({ at, request }) => at - Date.parse(request.env.CRONMESH_TICK ?? '') > 1_500);
    assert.deepEqual(late, []);
    for (const job of jobs) {
      const ticks = new Set(ledger.ticks(job.uid));
      for (let tick = Math.ceil(died / 1_000) * 1_000 + 1_000; tick < died + 4_500; tick += 1_000) {
        assert.ok(ticks.has(tick), `${job.name} missed the tick ${tick - died} ms after the death`);
      }
    }
  });
});
