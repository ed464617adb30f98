import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { ConsulCoordinator } from '../../src/coordination/consul/consul.ts';
import { prefix, triggerPath } from '../../src/coordination/keys.ts';
import { type Job, jobKey } from '../../src/domain/job/job.ts';
import type { JobSpecInput, Labels } from '../../src/domain/job/spec.ts';
import { Freezes } from '../../src/domain/policy/freeze.ts';
import { wholeOf } from '../../src/domain/policy/members.ts';
import type { Report } from '../../src/domain/run/report.ts';
import { memberRunId, type RunId, tickRunId, type WorkerId } from '../../src/domain/run/run.ts';
import { Changes } from '../../src/master/services/changes.ts';
import { RunService } from '../../src/master/services/runs.ts';
import { WhyService } from '../../src/master/services/why/why.ts';
import { silentLogger } from '../../src/observability/logger.ts';
import { openPgliteStore } from '../../src/store/prisma/index.ts';
import type { Run, Store } from '../../src/store/store.ts';
import { type ConsulServer, consulSkip, startConsul } from '../support/consul.ts';
import { makeJob, quick, skipsOf, TestMaster } from '../support/leader.ts';
import { eventually } from '../support/process.ts';
import { Ledger, makeWorker, type Start, type TestWorker } from '../support/workers.ts';

/** A worker with a port of its own that Consul asks: closed, it is as dead as after `kill -9`. */
interface Process extends TestWorker {
  readonly health: Server;
}

describe('ticks that come to several runs, on a real Consul', { skip: consulSkip() }, () => {
  let consul: ConsulServer;
  let store: Store;
  let coordinator: ConsulCoordinator;
  let master: TestMaster;
  let runs: RunService;
  let ledger: Ledger;
  let workers: Process[];
  let opened: ConsulCoordinator[];
  let duration: number;
  let made = 0;

  before(async () => {
    consul = await startConsul();
    store = await openPgliteStore();
    await store.migrate();
  });
  beforeEach(async () => {
    duration = 20;
    ledger = new Ledger();
    workers = [];
    opened = [];
    coordinator = connect();
    const timing = {
      ...quick,
      beatEvery: 200,
      epochWait: 2_000,
      lostAfter: 3_000,
      quietAfter: 30_000,
      clearEvery: 500,
    };
    master = await new TestMaster({ coordinator, store, clock: Date.now }, { timing }).start();
    runs = new RunService({
      store,
      publishing: master.publisher,
      workers: master.workers,
      changes: new Changes(),
      logger: silentLogger,
      clock: Date.now,
      randomText: count => `${made++}`.padStart(count, 'z'),
      clockOk: () => true,
    });
  });
  afterEach(async () => {
    for (const { coordinator: own } of workers) own.bury();
    await Promise.all(workers.map(({ worker }) => worker.stop()));
    for (const { health } of workers) health.close();
    const { items } = await store.listJobs({ limit: 100 });
    for (const { uid } of items) await store.deleteJob(uid, Date.now());
    await master.publisher.publish(items);
    await master.stop();
    await Promise.all(opened.map(one => one.close()));
  });
  after(async () => {
    await store?.close();
    await consul?.stop();
  });

  function connect(): ConsulCoordinator {
    const one = new ConsulCoordinator({ address: consul.address });
    opened.push(one);
    return one;
  }

  async function start(name: string, labels: Labels = {}, capacity = 100): Promise<Process> {
    const health = createServer((_, response) => response.end('ok'));
    await new Promise<void>(resolve => health.listen(0, '127.0.0.1', resolve));
    const { port } = health.address() as AddressInfo;
    const one = makeWorker(connect(), ledger, {
      name,
      labels,
      capacity,
      duration: () => duration,
      healthAddress: { host: '127.0.0.1', port },
      spool: {
        append: async (reports: readonly Report[]) => {
          ledger.reports.push(...reports);
          await store.applyReports(`${name}-t1` as WorkerId, reports, Date.now());
        },
      },
    });
    workers.push({ ...one, health });
    await one.worker.start();
    await eventually(`${name} is ready`, () => one.worker.status().ready);
    await eventually(`${name} is seen`, () => master.workers.list().some(seen => seen.name === name && seen.ready));
    return { ...one, health };
  }

  /** As `kill -9` does: nothing is said any more, the port refuses, what ran is gone. */
  function kill({ supervisor, coordinator: own, health }: Process): void {
    supervisor.die();
    own.cut();
    health.closeAllConnections();
    health.close();
  }

  async function publish(spec: Partial<JobSpecInput>, floor = new Date().toISOString()): Promise<Job> {
    const job = await makeJob(store, `several-${made++}`, floor, spec);
    await master.publisher.publish([job]);
    return job;
  }

  const startsOf = (job: Job): Start[] => ledger.starts.filter(({ request }) => request.job.uid === job.uid);
  const wholeOfStart = ({ request }: Start): RunId => request.run.slice(0, request.run.lastIndexOf('-')) as RunId;
  const byWhole = (job: Job): Map<RunId, Start[]> => Map.groupBy(startsOf(job), wholeOfStart);
  const rowsOf = async (whole: RunId): Promise<readonly Run[]> => (await store.listRuns({ whole, limit: 200 })).items;
  const states = (rows: readonly Run[]): string[] => rows.map(({ state }) => state).sort();
  const shards = (count: number): JobSpecInput['placement'] => ({ mode: 'Shards', shards: count });
  const everySecond = { schedule: '* * * * * *' };

  it('All: every eligible worker runs each tick exactly once, and none but these', async () => {
    for (const [name, zone] of [
      ['a', 'north'],
      ['b', 'south'],
      ['c', 'east'],
    ] as const)
      await start(name, { zone });
    const matchExpressions = [{ key: 'zone', operator: 'NotIn' as const, values: ['east'] }];
    const job = await publish({ ...everySecond, placement: { mode: 'All', selector: { matchExpressions } } });
    const ticks = await eventually('5 ticks', () => {
      const whole = [...byWhole(job)].filter(([, starts]) => starts.length >= 2);
      return whole.length >= 5 && whole;
    });
    for (const [, starts] of ticks) {
      assert.deepEqual(starts.map(({ worker }) => worker).sort(), ['a-t1', 'b-t1']);
      assert.ok(starts.every(({ request }) => request.env.CRONMESH_SHARD === undefined));
    }
    assert.deepEqual(ledger.startedTwice(), []);
    const rows = await eventually('all reports', async () => {
      const some = await rowsOf(ticks[0]?.[0] as RunId);
      return some.length === 2 && some.every(({ state }) => state === 'Succeeded') && some;
    });
    assert.deepEqual(
      rows.map(({ particulars }) => particulars?.member).sort((a, b) => (a?.index ?? 0) - (b?.index ?? 0)),
      [
        { index: 0, count: 2, worker: 'a' },
        { index: 1, count: 2, worker: 'b' },
      ],
    );
  });

  it('Shards: each index exactly once over many ticks, spread over the workers', async () => {
    for (const name of ['a', 'b', 'c']) await start(name);
    const job = await publish({ ...everySecond, placement: shards(5) });
    await eventually('10 ticks', () => startsOf(job).length >= 55);
    const ticks = [...byWhole(job)].slice(0, 10);
    for (const [, starts] of ticks) {
      assert.deepEqual(starts.map(({ request }) => request.env.CRONMESH_SHARD).sort(), ['0', '1', '2', '3', '4']);
      assert.ok(starts.every(({ request }) => request.env.CRONMESH_SHARDS === '5'));
    }
    assert.deepEqual(ledger.startedTwice(), []);
    assert.equal(new Set(startsOf(job).map(({ worker }) => worker)).size, 3);
    const [whole] = ticks[0] ?? [];
    await eventually(
      'all reports',
      async () => states(await rowsOf(whole as RunId)).join() === Array(5).fill('Succeeded').join(),
    );
    const why = new WhyService({ store, freezes: { known: async () => new Freezes() }, clock: Date.now });
    const tick = ticks[0]?.[1][0]?.request.env.CRONMESH_TICK ?? '';
    const { message, outcome } = await why.explain(job, tick);
    assert.equal(outcome, 'Run');
    assert.match(message, /5 of 5 runs: 5 Succeeded; run 1\/5/);
    const { items } = await store.listRuns({ namespace: job.namespace, name: job.name, limit: 500 });
    assert.ok(
      items.every(({ state }) => state !== 'Lost'),
      'the audit finds nothing amiss',
    );
    assert.deepEqual(await skipsOf(store, job), []);
  });

  it('Shards × Lost: the shard of a worker that is killed runs again elsewhere, the others are left alone', async () => {
    for (const name of ['a', 'b', 'c']) await start(name);
    duration = 60_000;
    const job = await publish({ schedule: '@manually', placement: shards(4) });
    const { runs: asked = [] } = await runs.trigger(job, 'a test');
    await eventually('4 starts', () => startsOf(job).length === 4);
    await eventually('their reports', async () =>
      (await rowsOf(wholeOf(asked[0]?.id as RunId, asked[0]?.particulars))).every(({ state }) => state === 'Running'),
    );
    const victim = workers.find(({ id }) => id === startsOf(job)[0]?.worker) as Process;
    const lost = startsOf(job).filter(({ worker }) => worker === victim.id);
    const others = startsOf(job).filter(({ worker }) => worker !== victim.id);
    duration = 20;
    kill(victim);
    for (const { request } of lost) {
      const again = await eventually(
        `shard ${request.env.CRONMESH_SHARD} again`,
        () => startsOf(job).find(one => one.request.run === request.run && one.request.attempt === 2),
        60_000,
      );
      assert.notEqual(again.worker, victim.id);
      assert.equal(again.request.env.CRONMESH_SHARD, request.env.CRONMESH_SHARD);
      assert.ok(again.request.exclusive, 'an attempt that may be followed by another ends with its lease');
      const row = await eventually('its success', async () => {
        const one = await store.getRun(request.run);
        return one?.state === 'Succeeded' && one;
      });
      assert.equal(row.attempt, 2);
    }
    for (const { request } of others) {
      const starts = startsOf(job).filter(one => one.request.run === request.run);
      assert.equal(starts.length, 1, 'a shard elsewhere was left alone');
      assert.equal((await store.getRun(request.run))?.state, 'Running');
    }
  });

  it('Shards × Forbid: a tick under a run that goes on is skipped whole, and wholes never overlap', async () => {
    for (const name of ['a', 'b', 'c']) await start(name);
    duration = 1_500;
    const job = await publish({ ...everySecond, placement: shards(3), concurrencyPolicy: 'Forbid' });
    await eventually('a tick', () => startsOf(job).length >= 3);
    const { runs: asked = [] } = await runs.trigger(job, 'a test');
    await eventually('the manual one and two ticks', () => {
      const manual = startsOf(job).filter(({ request }) => asked.some(({ id }) => id === request.run));
      return manual.length === 3 && byWhole(job).size >= 4;
    });
    await runs.list({ limit: 1 });
    const wholes = [...byWhole(job).values()].filter(starts => starts.every(({ endedAt }) => endedAt !== undefined));
    assert.ok(wholes.length >= 3);
    for (const starts of wholes) assert.equal(starts.length, 3);
    const spans = wholes
      .map(starts => [Math.min(...starts.map(({ at }) => at)), Math.max(...starts.map(({ endedAt }) => endedAt ?? 0))])
      .sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
    spans.forEach(([from], i) => {
      assert.ok(i === 0 || (from ?? 0) >= (spans[i - 1]?.[1] ?? 0), `${JSON.stringify(spans)} overlap`);
    });
    const skips = await eventually('skips', async () => {
      const some = ledger.skips(job.uid);
      return some.length > 0 && some;
    });
    assert.ok(skips.every(({ reason }) => reason === 'StillRunning'));
    assert.deepEqual(ledger.startedTwice(), []);
  });

  it('Shards × Allow: ticks run beside one another', async () => {
    await start('a');
    duration = 2_500;
    const job = await publish({ ...everySecond, placement: shards(2) });
    await eventually('two wholes at once', () => {
      const going = startsOf(job).filter(({ endedAt }) => endedAt === undefined);
      return new Set(going.map(wholeOfStart)).size >= 2;
    });
  });

  it('skips a tick with no eligible worker, and says so', async () => {
    await start('a', { zone: 'north' });
    const selector = { matchExpressions: [{ key: 'zone', operator: 'DoesNotExist' as const }] };
    for (const placement of [
      { mode: 'All' as const, selector },
      { ...shards(3), selector },
    ]) {
      const job = await publish({ ...everySecond, placement });
      const skip = await eventually('a skip', async () => (await skipsOf(store, job))[0]);
      assert.equal(skip.reason, 'NoEligibleWorker');
      assert.deepEqual(startsOf(job), []);
    }
    const job = await publish({ schedule: '@manually', placement: { mode: 'All', selector } });
    await assert.rejects(runs.trigger(job, 'a test'), /runs on every eligible worker, and no ready worker/);
  });

  it('All: the run for a worker that went away waits for it, and is skipped at its deadline', async () => {
    await start('a');
    const victim = await start('b', {}, 1);
    duration = 30_000;
    const busy = await publish({ schedule: '@manually', placement: { mode: 'All' } });
    await runs.trigger(busy, 'a test');
    await eventually('both are busy', () => startsOf(busy).length === 2);
    duration = 20;
    const job = await publish({ schedule: '@manually', startingDeadlineSeconds: 4, placement: { mode: 'All' } });
    const { runs: asked = [] } = await runs.trigger(job, 'a test');
    kill(victim);
    const skipped = await eventually('the skip', async () => {
      const run = await store.getRun(asked[1]?.id as RunId);
      return run?.state === 'Skipped' && run;
    });
    assert.deepEqual([skipped.reason, skipped.particulars?.member?.worker], ['NoEligibleWorker', 'b']);
    assert.match(skipped.message ?? '', /worker b went away/);
    assert.equal((await store.getRun(asked[0]?.id as RunId))?.state, 'Succeeded');
  });

  it('All: a tick’s member that nobody took on is a skipped run of that tick', async () => {
    await start('a');
    const full = await start('b', {}, 1);
    duration = 60_000;
    const busy = await publish({ schedule: '@manually', placement: { mode: 'All' } });
    await runs.trigger(busy, 'a test');
    await eventually('both are busy', () => startsOf(busy).length === 2);
    duration = 20;
    const job = await publish({ ...everySecond, startingDeadlineSeconds: 3, placement: { mode: 'All' } });
    const first = await eventually('a start', () => startsOf(job)[0]);
    const rows = await eventually('its skip', async () => {
      const some = await rowsOf(wholeOfStart(first));
      return some.length === 2 && states(some).join() === 'Skipped,Succeeded' && some;
    });
    const skipped = rows.find(({ state }) => state === 'Skipped');
    assert.deepEqual([skipped?.reason, skipped?.trigger], ['NoCapacity', 'tick']);
    assert.match(skipped?.message ?? '', /worker b had no room/);
    assert.equal(full.worker.status().ready, true);
  });

  it('the audit finds a member whose trigger was deleted by hand: Lost, and a shard is to run again', async () => {
    const one = await start('a', {}, 1);
    duration = 60_000;
    const busy = await publish({ schedule: '@manually' });
    await runs.trigger(busy, 'a test');
    await eventually('it is full', () => startsOf(busy).length === 1);
    const job = await publish({ ...everySecond, placement: shards(3) });
    const whole = await eventually('triggers of a tick', async () => {
      const [key] = await coordinator.keys(`${prefix.trigger}${jobKey(job)}/`);
      const run = key?.slice(key.lastIndexOf('/') + 1);
      return run !== undefined && (run.slice(0, run.lastIndexOf('-')) as RunId);
    });
    const gone = memberRunId(whole, 1);
    await coordinator.transact([{ verb: 'delete', key: triggerPath(jobKey(job), gone) }]);
    const lost = await eventually('it is found', async () => {
      const row = await store.getRun(gone);
      return row?.lastOutcome === 'Lost' && row;
    });
    assert.deepEqual(lost.particulars?.member, { index: 1, count: 3 });
    assert.match(lost.message ?? '', /no report/);
    assert.deepEqual(
      (await rowsOf(whole)).map(({ id }) => id),
      [gone],
      'the others wait',
    );
    assert.equal(one.worker.status().ready, true);
  });

  it('a missed tick and a manual run of a sharded job come to all of its members', async () => {
    for (const name of ['a', 'b']) await start(name);
    const missed = Math.floor(Date.now() / 60_000) * 60_000 - 120_000;
    const at = new Date(missed).toISOString();
    const job = await publish(
      { schedule: `@at ${at}`, misfirePolicy: 'RunLatest', placement: shards(3) },
      new Date(missed - 60_000).toISOString(),
    );
    const rows = await eventually('the catch-up', async () => {
      const some = await rowsOf(tickRunId(job.uid, missed));
      return some.length === 3 && some.every(({ state }) => state === 'Succeeded') && some;
    });
    assert.ok(rows.every(({ trigger }) => trigger === 'catchup'));
    const asked = await runs.trigger(job, 'a test');
    assert.deepEqual(
      asked.runs?.map(({ particulars }) => particulars?.member),
      [0, 1, 2].map(index => ({ index, count: 3 })),
    );
    await eventually('its runs', () => startsOf(job).length === 6);
    assert.deepEqual(ledger.startedTwice(), []);
  });
});
