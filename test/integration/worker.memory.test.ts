import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { killerPath, lostPath, triggerPath } from '../../src/coordination/keys.ts';
import { MemoryCoordinator } from '../../src/coordination/memory/memory.ts';
import {
  decode,
  encode,
  type KillRecord,
  type LostRecord,
  type TriggerRecord,
} from '../../src/coordination/records.ts';
import { manualRunId, tickRunId } from '../../src/domain/run/run.ts';
import {
  chaotic,
  EpochStandIn,
  Ledger,
  makeJob,
  makeWorker,
  publishJobs,
  type TestWorker,
  until,
} from '../support/workers.ts';

describe('workers on one coordinator', () => {
  let coordinator: MemoryCoordinator;
  /** Moves the coordinator's clock forward: lock delays pass. */
  let shift: number;
  let epoch: EpochStandIn;
  let ledger: Ledger;
  let workers: TestWorker[];

  beforeEach(async () => {
    shift = 0;
    coordinator = new MemoryCoordinator({ now: () => Date.now() + shift });
    epoch = new EpochStandIn(coordinator);
    ledger = new Ledger();
    workers = [];
    await epoch.start();
  });

  afterEach(async () => {
    for (const { coordinator: own } of workers) own.bury();
    await Promise.all(workers.map(({ worker }) => worker.stop()));
    await epoch.stop();
    await coordinator.close();
  });

  async function startWorkers(
    count: number,
    options: Parameters<typeof makeWorker>[2] | object = {},
  ): Promise<TestWorker[]> {
    const made = Array.from({ length: count }, (_, i) =>
      makeWorker(coordinator, ledger, { name: `worker-${i}`, ...options }),
    );
    workers.push(...made);
    await Promise.all(made.map(({ worker }) => worker.start()));
    await until('all workers are ready', () => made.every(({ worker }) => worker.status().ready));
    return made;
  }

  it('tells the revision of each job that it holds: edited and suspended ones, and none that is for others', async () => {
    const [{ worker }] = (await startWorkers(1)) as [TestWorker];
    const edited = makeJob('edited', { schedule: '@yearly' });
    const suspended = makeJob('suspended', { schedule: '@yearly', suspend: true }, { revision: 3 });
    const selector = { matchLabels: { zone: 'b' } };
    const elsewhere = makeJob('elsewhere', { schedule: '@yearly', placement: { selector } });
    await publishJobs(coordinator, [edited, suspended, elsewhere]);
    const held = async (jobs: Record<string, number>) => {
      await until(`it holds ${JSON.stringify(jobs)}`, () => isDeepStrictEqual(worker.jobs(), jobs));
    };
    await held({ 'default/edited': 1, 'default/suspended': 3 });
    await publishJobs(coordinator, [{ ...edited, revision: 2 }]);
    await held({ 'default/edited': 2, 'default/suspended': 3 });
  });

  it('starts every tick of 20 jobs exactly once, in even shares, at once', async () => {
    await startWorkers(3);
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
      assert.ok(first - job.floor <= 1_000, `${job.name} began late`);
    }
    const lateness = ledger.starts
      .map(({ at, request }) => at - Date.parse(request.env.CRONMESH_TICK ?? ''))
      .sort((a, b) => a - b);
    assert.ok(
      (lateness[Math.floor(lateness.length * 0.9)] ?? 0) < 100,
      `p90 ${lateness[Math.floor(lateness.length * 0.9)]} ms late`,
    );
    for (const { id } of workers) {
      const share = ledger.starts.filter(({ worker }) => worker === id).length / ledger.starts.length;
      assert.ok(share > 0.2 && share < 0.47, `${id} has ${share}`);
    }
    assert.equal(ledger.reports.filter(({ type }) => type === 'finished').length, ledger.starts.length);
    assert.deepEqual(await coordinator.keys('cron/lock/'), []);
    assert.deepEqual(await coordinator.keys('cron/lane/'), []);
  });

  it('takes over the ticks of a worker that died, within the fallback time, and starts nothing twice', async () => {
    const [first] = await startWorkers(3);
    assert.ok(first);
    const jobs = Array.from({ length: 30 }, (_, i) => makeJob(`every-${i}`, { schedule: '* * * * * *' }));
    await publishJobs(coordinator, jobs);
    await until('60 starts', () => ledger.starts.length >= 60);
    const died = Date.now();
    first.coordinator.cut();
    first.supervisor.die();
    // Its TTL check falls out of the catalog by itself; the session is ended as its `alive` check would.
    coordinator.overrideCheck(`${first.id}:alive`, 'critical');
    await until('five more seconds', () => Date.now() > died + 5_000);
    await Promise.all(workers.filter(one => one !== first).map(({ worker }) => worker.stop()));
    assert.deepEqual(ledger.startedTwice(), []);
    const claimedThen: string[] = [];
    for (const job of jobs) {
      const ticks = new Set(ledger.ticks(job.uid));
      const [begin = 0] = ticks;
      for (let tick = begin; tick <= died + 3_000; tick += 1_000) {
        if (!ticks.has(tick)) claimedThen.push(`${job.name} ${tick - died}`);
      }
    }
    // What it had claimed at that instant and not yet started is lost with it: nothing here, it died between ticks or in one.
    assert.ok(claimedThen.length <= 30, claimedThen.join());
    const late = ledger.starts.filter(({ at, request }) => at - Date.parse(request.env.CRONMESH_TICK ?? '') > 1_500);
    assert.equal(late.length, 0);
  });

  it('never overlaps Forbid runs, and skips what they hold up as ranges', async () => {
    let duration = 1_700;
    await startWorkers(3, { duration: () => duration });
    const job = makeJob('forbid', { schedule: '* * * * * *', concurrencyPolicy: 'Forbid' });
    await publishJobs(coordinator, [job]);
    await until('four starts', () => ledger.starts.length >= 4);
    duration = 20;
    await until('eight starts', () => ledger.starts.length >= 8);
    await Promise.all(workers.map(({ worker }) => worker.stop()));
    const runs = [...ledger.starts].sort((a, b) => a.at - b.at);
    for (const [i, run] of runs.entries()) {
      const before = runs[i - 1];
      assert.ok(before === undefined || (before.endedAt ?? Number.POSITIVE_INFINITY) <= run.at, `run ${i} overlaps`);
    }
    const ticks = ledger.ticks(job.uid);
    const skips = ledger.skips(job.uid);
    assert.ok(skips.length >= 3 && skips.every(({ reason }) => reason === 'StillRunning'));
    // Every tick up to the last run is a run or in a skip range, and none is both.
    for (let tick = ticks[0] ?? 0; tick <= (ticks.at(-1) ?? 0); tick += 1_000) {
      const skipped = skips.filter(({ from, to }) => from <= tick && tick <= to).length;
      assert.equal((ticks.includes(tick) ? 1 : 0) + skipped, 1, `tick ${tick}`);
    }
    assert.equal(
      skips.reduce((sum, { from, to, count }) => sum + count - ((to - from) / 1_000 + 1), 0),
      0,
    );
  });

  it('keeps to maxConcurrentRuns, and skips what is beyond it with the reason', async () => {
    await startWorkers(2, { duration: () => 2_500 });
    const job = makeJob('limited', { schedule: '* * * * * *', maxConcurrentRuns: 2 });
    await publishJobs(coordinator, [job]);
    await until('four starts', () => ledger.starts.length >= 4);
    await until('two skips', () => ledger.skips(job.uid).length >= 2);
    const { starts } = ledger;
    for (const { at } of starts) {
      const going = starts.filter(one => one.at <= at && (one.endedAt ?? Number.POSITIVE_INFINITY) > at).length;
      assert.ok(going <= 2, `${going} at once`);
    }
    assert.ok(ledger.skips(job.uid).every(({ reason, count }) => reason === 'ConcurrencyLimit' && count === 1));
    assert.deepEqual(ledger.startedTwice(), []);
  });

  it('turns ticks without room into triggers, which run when there is room', async () => {
    await startWorkers(2, { capacity: 2, duration: () => 4_000 });
    const at = Math.ceil(Date.now() / 1_000) * 1_000 + 1_000;
    const jobs = Array.from({ length: 8 }, (_, i) =>
      makeJob(`once-${i}`, { schedule: `@at ${new Date(at).toISOString()}` }),
    );
    await publishJobs(coordinator, jobs);
    await until('four starts', () => ledger.starts.length === 4);
    let backlog = 0;
    await until('a backlog of four triggers', () => {
      void coordinator.keys('cron/trigger/').then(keys => {
        backlog = Math.max(backlog, keys.length);
      });
      return backlog === 4;
    });
    await until('eight starts', () => ledger.starts.length === 8);
    assert.deepEqual(ledger.startedTwice(), []);
    const waited = ledger.starts.slice(4);
    assert.ok(
      waited.every(({ request }) => request.env.CRONMESH_TICK === new Date(at).toISOString().replace('.000Z', 'Z')),
    );
    assert.ok(waited.every(({ at: started }) => started >= at + 2_500));
    await until('no trigger is left', () => ledger.starts.length === 8);
    assert.deepEqual(await coordinator.keys('cron/trigger/'), []);
  });

  it('runs a trigger once, at once, and kills its run when asked', async () => {
    const [any] = await startWorkers(3, { duration: () => 60_000 });
    assert.ok(any);
    const job = makeJob('manual', { schedule: '@manually' });
    await publishJobs(coordinator, [job]);
    const run = manualRunId(job.uid, 'abcdefghij');
    const trigger: TriggerRecord = {
      v: 1,
      run,
      attempt: 1,
      jobUid: job.uid,
      kind: 'manual',
      deadline: Date.now() + 60_000,
      requestedAt: Date.now(),
      epoch: 1,
      by: 'test',
    };
    const asked = Date.now();
    await coordinator.transact([
      { verb: 'cas', key: triggerPath('default/manual', run), value: encode(trigger), index: 0 },
    ]);
    const start = await until('its start', () => ledger.starts[0]);
    assert.ok(start.at - asked < 1_000, `${start.at - asked} ms`);
    assert.equal(start.request.env.CRONMESH_TICK, undefined);
    assert.equal(start.request.env.CRONMESH_JOB, 'manual');
    const kill = encode<KillRecord>({ v: 1, run, requestedAt: Date.now(), by: 'test' });
    await coordinator.transact([{ verb: 'set', key: killerPath('default/manual', run), value: kill }]);
    await until('its end', () => ledger.finished(run)?.outcome === 'Killed');
    await until('everything is released', () => any.worker.status().running === 0);
    await Promise.all(workers.map(({ worker }) => worker.stop()));
    assert.equal(ledger.starts.length, 1);
    assert.deepEqual(await coordinator.keys('cron/killer/'), []);
    assert.deepEqual(await coordinator.keys('cron/lock/'), []);
  });

  it('leaves triggers of an older epoch and past their deadline', async () => {
    await startWorkers(1);
    const job = makeJob('manual', { schedule: '@manually' });
    await publishJobs(coordinator, [job]);
    const trigger = (random: string, rest: Partial<TriggerRecord>): TriggerRecord => ({
      v: 1,
      run: manualRunId(job.uid, random),
      attempt: 1,
      jobUid: job.uid,
      kind: 'manual',
      deadline: Date.now() + 60_000,
      requestedAt: Date.now(),
      epoch: 1,
      by: 'test',
      ...rest,
    });
    const all = [trigger('old', { epoch: 0 }), trigger('late', { deadline: Date.now() - 1 }), trigger('good', {})];
    for (const one of all) {
      await coordinator.transact([
        { verb: 'cas', key: triggerPath('default/manual', one.run), value: encode(one), index: 0 },
      ]);
    }
    await until('the good one', () => ledger.starts.length === 1);
    await until('its end', () => ledger.reports.some(({ type }) => type === 'finished'));
    assert.equal(ledger.starts[0]?.request.run, manualRunId(job.uid, 'good'));
    assert.equal((await coordinator.keys('cron/trigger/')).length, 2);
  });

  it('hands a run back that its supervisor refused: another start, the same attempt', async () => {
    const [one] = await startWorkers(1);
    assert.ok(one);
    one.supervisor.refuse = 1;
    const at = Math.ceil(Date.now() / 1_000) * 1_000 + 1_000;
    const job = makeJob('once', { schedule: `@at ${new Date(at).toISOString()}` });
    await publishJobs(coordinator, [job]);
    const start = await until('the second try', () => ledger.starts[0]);
    assert.equal(start.request.attempt, 1);
    assert.equal(start.request.run, tickRunId(job.uid, at));
    await until('its end', () => ledger.finished(start.request.run)?.outcome === 'Succeeded');
    assert.equal(ledger.reports.filter(({ type }) => type === 'finished').length, 1);
  });

  it('runs no spec that was edited before the claim, and nothing retroactively', async () => {
    await startWorkers(2);
    const job = makeJob('edited', { schedule: '* * * * * *', executor: { shell: { command: 'old' } } });
    await publishJobs(coordinator, [job]);
    await until('two starts', () => ledger.starts.length >= 2);
    const floor = Date.now();
    const edited = {
      ...job,
      revision: 2,
      floor,
      spec: {
        ...job.spec,
        schedule: '*/2 * * * * *',
        executor: { shell: { ...job.spec.executor.shell, command: 'new' } },
      },
    };
    await publishJobs(coordinator, [edited as typeof job]);
    const published = Date.now();
    const seen = ledger.starts.length;
    await until('three more', () => ledger.starts.length >= seen + 3);
    const commands = ledger.starts
      .filter(({ at }) => at > published)
      .map(({ request }) => request.executor.shell?.command);
    assert.deepEqual(new Set(commands), new Set(['new']));
    for (const { request, at } of ledger.starts.filter(({ at }) => at > published)) {
      const tick = Date.parse(request.env.CRONMESH_TICK ?? '');
      assert.ok(tick > floor && tick % 2_000 === 0, `${tick} at ${at}`);
    }
    assert.deepEqual(ledger.startedTwice(), []);
  });

  it('ends exclusive runs at once when its session is lost, and goes on with a new one', async () => {
    const [one] = await startWorkers(1, { duration: () => 60_000 });
    assert.ok(one);
    const at = Math.ceil(Date.now() / 1_000) * 1_000 + 1_000;
    const schedule = `@at ${new Date(at).toISOString()}`;
    const [exclusive, free] = [
      makeJob('forbid', { schedule, concurrencyPolicy: 'Forbid' }),
      makeJob('allow', { schedule }),
    ];
    await publishJobs(coordinator, [exclusive, free]);
    await until('both', () => ledger.starts.length === 2);
    const { session } = one.worker.status();
    assert.ok(session);
    coordinator.expireSession(session);
    await until(
      'the end of the exclusive one',
      () => ledger.finished(tickRunId(exclusive.uid, at))?.outcome === 'Lost',
    );
    assert.equal(ledger.finished(tickRunId(free.uid, at)), undefined);
    await until('another session', () => one.worker.status().ready && one.worker.status().session !== session);
    const next = makeJob('next', { schedule: '* * * * * *' });
    await publishJobs(coordinator, [next]);
    await until('a start under it', () => ledger.ticks(next.uid).length > 0);
  });

  it('tells of the run whose orphaned lock it took over', async () => {
    const [first] = await startWorkers(1, { duration: () => 60_000 });
    assert.ok(first);
    const job = makeJob('forbid', { schedule: '* * * * * *', concurrencyPolicy: 'Forbid' });
    await publishJobs(coordinator, [job]);
    const orphan = await until('its start', () => ledger.starts[0]);
    first.coordinator.cut();
    first.supervisor.die();
    coordinator.overrideCheck(`${first.id}:alive`, 'critical');
    const second = makeWorker(coordinator, ledger, { name: 'second' });
    workers.push(second);
    await second.worker.start();
    await until('it is ready', () => second.worker.status().ready);
    assert.equal(ledger.starts.length, 1, 'the lock delay was not kept');
    shift = 15_000;
    await until('its own start', () => ledger.starts.length > 1);
    const key = lostPath(orphan.request.run);
    let lost: LostRecord | undefined;
    await until('the record', () => {
      void coordinator.get(key).then(entry => {
        lost = entry && decode<LostRecord>(entry);
      });
      return lost !== undefined;
    });
    assert.equal(lost?.foundBy, second.id);
    assert.equal(lost?.attempt, 1);
    assert.equal(lost?.job, 'default/forbid');
  });

  it('starts once, and leaves no tick out, where a third of the transactions get no answer', async () => {
    const mishaps = { request: 0.1, answer: 0.12, late: 0.1, refused: 0.05 };
    const made = Array.from({ length: 3 }, (_, i) =>
      makeWorker(chaotic(coordinator, mishaps), ledger, { name: `worker-${i}`, duration: () => 100 }),
    );
    workers.push(...made);
    await Promise.all(made.map(({ worker }) => worker.start()));
    await until('all workers are ready', () => made.every(({ worker }) => worker.status().ready));
    const jobs = Array.from({ length: 12 }, (_, i) =>
      makeJob(`every-${i}`, { schedule: '* * * * * *', ...(i < 4 && { maxConcurrentRuns: 3 }) }),
    );
    await publishJobs(coordinator, jobs);
    await until('100 starts', () => ledger.starts.length >= 100);
    const end = Date.now();
    await until('what was under way', () => Date.now() > end + 5_000);
    await Promise.all(workers.map(({ worker }) => worker.stop()));
    assert.deepEqual(ledger.startedTwice(), []);
    for (const job of jobs) {
      const ticks = new Set(ledger.ticks(job.uid));
      const skipped = ledger.skips(job.uid).map(({ from }) => from);
      const [first = 0] = ticks;
      for (let tick = first; tick < end - 1_000; tick += 1_000) {
        assert.ok(ticks.has(tick) || skipped.includes(tick), `${job.name} missed ${tick} of ${first}…${end}`);
      }
    }
    assert.deepEqual(await coordinator.keys('cron/lock/'), []);
  });

  for (const loss of ['wiped', 'restored'] as const) {
    it(`is held by a coordinator that was ${loss}, and starts nothing twice`, async () => {
      await startWorkers(3);
      const jobs = Array.from({ length: 20 }, (_, i) => makeJob(`every-${i}`, { schedule: '* * * * * *' }));
      await publishJobs(coordinator, jobs);
      await until('50 starts', () => ledger.starts.length >= 50);
      const snapshot = coordinator.snapshot();
      const before = ledger.starts.length;
      await until('50 more', () => ledger.starts.length >= before + 50);
      // In the middle of firing: just after a second's claims have begun.
      await until('claims', () => Date.now() % 1_000 < 20);
      if (loss === 'wiped') coordinator.wipe();
      else coordinator.restore(snapshot);
      await until('all are held', () => workers.every(({ worker }) => !worker.status().ready));
      const heldAt = ledger.starts.length;
      const during = Date.now();
      await until('two seconds without a start', () => Date.now() > during + 2_000);
      assert.ok(ledger.starts.length - heldAt <= 0, `${ledger.starts.length - heldAt} starts while held`);
      assert.ok(epoch.refused > 0);
      const next = await epoch.next();
      if (loss === 'wiped') await publishJobs(coordinator, jobs);
      const again = ledger.starts.length;
      await until('60 more', () => ledger.starts.length >= again + 60);
      await Promise.all(workers.map(({ worker }) => worker.stop()));
      assert.deepEqual(ledger.startedTwice(), []);
      const late = ledger.starts.slice(again).map(({ request }) => Date.parse(request.env.CRONMESH_TICK ?? ''));
      assert.ok(
        late.every(tick => tick > next.floor),
        'a tick below the floor of the epoch was started',
      );
    });
  }
});
