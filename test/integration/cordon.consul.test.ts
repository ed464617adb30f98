import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CordonService } from '../../src/master/services/cordons.ts';
import { silentLogger } from '../../src/observability/logger.ts';
import { consulSkip } from '../support/consul.ts';
import { Fleet } from '../support/fleet.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import { makeWorker, until } from '../support/workers.ts';

describe('cordoned workers and full fleets, on a real Consul and PostgreSQL', {
  skip: consulSkip() || postgresSkip(),
}, () => {
  let fleet: Fleet;

  beforeEach(async () => {
    fleet = await Fleet.open();
  });
  afterEach(async () => {
    await fleet.stop();
  });

  it('under load: it loses and doubles nothing, finishes what runs, says when it is idle, and comes back', async () => {
    const master = await fleet.addMaster();
    await fleet.addWorkers(3, { duration: () => 1_500 });
    const names = Array.from({ length: 30 }, (_, i) => `each-second-${i}`);
    const jobs = await fleet.addJobs(names, {});
    const cordons = new CordonService({
      coordinator: fleet.connect(),
      workers: master.workers,
      logger: silentLogger,
      clock: Date.now,
    });
    await until('three seconds of all', () => fleet.ledger.starts.length >= 90, 60_000);
    const after = Date.now();
    const [first] = fleet.workers;
    assert.ok(first);
    const session = first.worker.status().session;
    await cordons.cordon('worker-0', { drain: true, by: 'the test', reason: 'new disk' });
    const cordoned = Date.now();
    const standing = async () => (await cordons.list()).find(({ name }) => name === 'worker-0');
    assert.ok((first.worker.status().running ?? 0) > 0, 'it had runs when it was cordoned');
    await eventually('it runs nothing any more', async () => (await standing())?.idle, 20_000, 500);
    assert.equal(first.worker.status().running, 0);
    assert.match(first.worker.status().reasons.join(), /drained by the test at .*: new disk/);
    assert.equal((await standing())?.ready, false);
    assert.equal(first.worker.status().session, session, 'it has kept its session');
    await delay(2_000);
    const own = fleet.ledger.starts.filter(({ worker }) => worker === first.id);
    const late = own.filter(({ at }) => at > cordoned + 1_000);
    assert.equal(late.length, 0, 'it started something a second after it was cordoned');
    assert.deepEqual(
      own.filter(({ request }) => fleet.ledger.finished(request.run)?.outcome !== 'Succeeded'),
      [],
      'what it ran has come to its end',
    );
    await cordons.uncordon('worker-0', 'the test');
    await until(
      'it takes its share again',
      () => fleet.ledger.starts.filter(({ worker }) => worker === first.id).length > own.length + 10,
      20_000,
    );
    const last = Date.now() - 2_000;
    await until('what came last', () => Date.now() > last + 3_000);
    await Promise.all(fleet.workers.map(({ worker }) => worker.stop()));
    await fleet.committed();
    assert.deepEqual(fleet.ledger.startedTwice(), []);
    for (const job of jobs) {
      const ticks = new Set(fleet.ledger.ticks(job.uid));
      for (let tick = Math.ceil(after / 1_000) * 1_000; tick <= last; tick += 1_000) {
        assert.ok(ticks.has(tick), `${job.name} missed the tick ${tick - cordoned} ms after the cordon`);
      }
    }
  });

  it('stay so when their process starts again', async () => {
    const master = await fleet.addMaster();
    await fleet.addWorkers(1);
    const coordinator = fleet.connect();
    const { workers } = master;
    const cordons = new CordonService({ coordinator, workers, logger: silentLogger, clock: Date.now });
    await eventually('it is in the catalog', () => workers.list().length === 1);
    await cordons.cordon('worker-0', { drain: false, by: 'the test', reason: '' });
    const [first] = fleet.workers;
    await until('it says so', () => first?.worker.status().cordoned);
    await first?.worker.stop();
    const next = makeWorker(fleet.connect(), fleet.ledger, {
      name: 'worker-0',
      healthAddress: fleet.healthAddress,
    });
    try {
      await next.worker.start();
      const [reason] = await until('its reasons', () => {
        const { reasons } = next.worker.status();
        return reasons.length === 1 && reasons;
      });
      assert.match(reason ?? '', /^cordoned by the test at /);
    } finally {
      await next.worker.stop();
    }
  });

  it('a backlog: what a full fleet has no room for waits, and starts as room appears, or is skipped as NoCapacity', async () => {
    const master = await fleet.addMaster();
    await fleet.addWorkers(2, { capacity: 2, duration: () => 1_000 });
    const due = Math.ceil((Date.now() + 4_000) / 1_000) * 1_000;
    const names = Array.from({ length: 30 }, (_, i) => `at-once-${i}`);
    const schedule = `@at ${new Date(due).toISOString()}`;
    const jobs = await fleet.addJobs(names, { schedule, startingDeadlineSeconds: 60 });
    const [metric] = await Promise.all([
      eventually(
        'the metric of waiting triggers',
        async () => {
          const text = await master.registry.metrics();
          const waiting = Number(/^cronmesh_triggers_waiting (\d+)/m.exec(text)?.[1] ?? 0);
          return waiting > 0 && waiting;
        },
        30_000,
        100,
      ),
      until('all 30 have started', () => fleet.ledger.starts.length >= 30, 60_000),
    ]);
    assert.ok(metric <= 30);
    await delay(1_500);
    await fleet.committed();
    assert.deepEqual(fleet.ledger.startedTwice(), []);
    assert.ok(jobs.every(job => fleet.ledger.ticks(job.uid).length === 1));
    // Never more at once than there is room for.
    const moments = fleet.ledger.starts.flatMap(({ at, endedAt = at }) => [[at, 1] as const, [endedAt, -1] as const]);
    let going = 0;
    for (const [, change] of moments.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])) {
      going += change;
      assert.ok(going <= 4, `${going} runs went at once`);
    }
  });

  it('a backlog past its deadline is NoCapacity, each with its record', async () => {
    await fleet.addMaster();
    await fleet.addWorkers(2, { capacity: 2, duration: () => 20_000 });
    const due = Math.ceil((Date.now() + 4_000) / 1_000) * 1_000;
    const names = Array.from({ length: 10 }, (_, i) => `too-many-${i}`);
    const schedule = `@at ${new Date(due).toISOString()}`;
    await fleet.addJobs(names, { schedule, startingDeadlineSeconds: 5 });
    await eventually(
      'six are skipped',
      async () => (await fleet.skips()).filter(({ reason }) => reason === 'NoCapacity').length >= 6,
      60_000,
      1_000,
    );
    assert.equal(fleet.ledger.starts.length, 4);
    assert.equal((await fleet.skips()).length, 6);
  });
});
