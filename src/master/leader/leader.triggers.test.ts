import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { beating, clockFrom, epochOf, makeJob, skipsOf, TestMaster } from '../../../test/support/leader.ts';
import { eventually } from '../../../test/support/process.ts';
import { lockPath, triggerPath } from '../../coordination/keys.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { encode } from '../../coordination/records.ts';
import { type Job, type JobKey, jobKey } from '../../domain/job/job.ts';
import type { JobSpec } from '../../domain/job/spec.ts';
import { manualRunId, type RunId, tickRunId } from '../../domain/run/run.ts';
import { openPgliteStore } from '../../store/prisma/index.ts';
import type { Store } from '../../store/store.ts';

describe('triggers that no worker claims', () => {
  let store: Store;
  let coordinator: MemoryCoordinator;
  let master: TestMaster;
  before(async () => {
    store = await openPgliteStore();
    await store.migrate();
  });
  after(() => store.close());

  /** Everything of one test on the shared database; the clock goes on, so that each has its own past. */
  const clock = clockFrom('2026-03-01T12:00:20Z');

  beforeEach(async () => {
    coordinator = new MemoryCoordinator();
    master = await new TestMaster({ store, clock, coordinator }).start();
    await beating(coordinator, (await eventually('an epoch', () => epochOf(coordinator))).number);
  });
  afterEach(async () => {
    await master.stop();
    await coordinator.close();
  });

  const skippedRun = (id: RunId) =>
    eventually('it is skipped', async () => {
      const run = await store.getRun(id);
      return run?.state === 'Skipped' && run;
    });

  it('closes triggers past their deadline with the reason that is true, and writes each trigger once', async () => {
    await eventually(
      'it is the newest',
      async () => (await epochOf(coordinator))?.number === (await store.getEpoch())?.number,
    );
    const floor = new Date(clock()).toISOString();
    const job = await makeJob(store, 'late', floor, { schedule: '@yearly', concurrencyPolicy: 'Forbid' });
    await master.publisher.publish([job]);
    const ask = async (name: string, deadline: number) => {
      const id = manualRunId(job.uid, name);
      const asked = { jobUid: job.uid, namespace: 'default', name: 'late', trigger: 'manual', revision: 1 } as const;
      await store.createRun({ ...asked, id, requestedAt: clock(), deadline, by: 'test' });
      return id;
    };
    const nobody = await ask('nobody', clock() + 300);
    const claimed = await ask('claimed', clock() + 60_000);
    const key = `cron/trigger/default/late/${claimed}`;
    const trigger = await eventually('the sweep has written it', () => coordinator.get(key));
    await eventually('the database knows', async () =>
      (await store.pendingRuns(10, clock())).every(({ published }) => published),
    );
    await coordinator.transact([{ verb: 'delete-cas', key, index: trigger.index }]);
    const skipped = await skippedRun(nobody);
    assert.equal(skipped.reason, 'NoEligibleWorker');
    const lost = await eventually('no report of the claimed one came', async () => {
      const run = await store.getRun(claimed);
      return run?.state === 'Lost' && run;
    });
    assert.equal(lost.attempt, 1);
    assert.equal(await coordinator.get(key), undefined, 'never written again');
  });

  for (const [how, outcome, finishedAfter] of [
    ['whose slot was held at its deadline, and is free when that is looked at', 'Succeeded', 100],
    ['whose slot was under the lock delay of a lost session, of which this leader saw nothing', 'Lost', -1_000],
  ] as const) {
    it(`says StillRunning of a trigger ${how}`, async () => {
      const name = `behind-${outcome.toLowerCase()}`;
      const floor = new Date(clock()).toISOString();
      const job = await makeJob(store, name, floor, {
        schedule: '@yearly',
        concurrencyPolicy: 'Queue',
      });
      await master.publisher.publish([job]);
      const [before, waits] = [manualRunId(job.uid, 'before'), manualRunId(job.uid, 'waits')];
      const common = {
        jobUid: job.uid,
        namespace: 'default',
        name,
        trigger: 'manual',
      } as const;
      const deadline = clock() + 300;
      const reference = { ...common, run: before, attempt: 1 };
      await store.applyReports(
        'worker-1' as never,
        [
          { ...reference, type: 'claimed', at: clock() - 2_000, fencingToken: '1', revision: 1 },
          { ...reference, type: 'started', at: clock() - 2_000 },
          { ...reference, type: 'finished', at: deadline + finishedAfter, outcome },
        ],
        clock(),
      );
      await store.createRun({ ...common, id: waits, revision: 1, requestedAt: clock(), deadline, by: 'test' });
      const skipped = await skippedRun(waits);
      assert.equal(skipped.reason, 'StillRunning');
      assert.match(skipped.message ?? '', new RegExp(`the run ${before} still had the job's lock`));
    });
  }

  it('says StillRunning of a trigger whose lock a silent worker left, as long as nobody gets it', async () => {
    const job = await makeJob(store, 'kept-from', new Date(clock()).toISOString(), {
      schedule: '@yearly',
      concurrencyPolicy: 'Queue',
    });
    await master.publisher.publish([job]);
    const [silent, waits] = [manualRunId(job.uid, 'silent'), manualRunId(job.uid, 'waits')];
    const common = { jobUid: job.uid, namespace: 'default', name: 'kept-from', trigger: 'manual' } as const;
    const reference = { ...common, run: silent, attempt: 1 };
    const ended = [
      { ...reference, type: 'claimed', at: clock(), fencingToken: '1', revision: 1 },
      { ...reference, type: 'started', at: clock() },
      { ...reference, type: 'finished', at: clock(), outcome: 'Succeeded' },
    ] as const;
    await store.applyReports('worker-1' as never, ended, clock());
    const lock = {
      v: 1 as const,
      run: silent,
      attempt: 1,
      worker: 'worker-1',
      jobUid: job.uid,
      trigger: 'manual',
      deadline: 0,
    };
    const key = lockPath(jobKey(job), 0);
    await coordinator.transact([{ verb: 'set', key, value: encode(lock) }]);
    await eventually('the leader takes the lock away', async () => (await coordinator.get(key)) === undefined);
    await store.createRun({
      ...common,
      id: waits,
      revision: 1,
      requestedAt: clock(),
      deadline: clock() + 300,
      by: 'test',
    });
    const skipped = await skippedRun(waits);
    assert.equal(skipped.reason, 'StillRunning');
    assert.match(skipped.message ?? '', new RegExp(`${silent}, whose worker fell silent`));
  });

  it('says StillRunning of a trigger whose lock Consul keeps back, whoever had it', async () => {
    const floor = new Date(clock()).toISOString();
    const job = await makeJob(store, 'kept-back', floor, { schedule: '@yearly', concurrencyPolicy: 'Queue' });
    await master.publisher.publish([job]);
    const key = lockPath(jobKey(job), 0);
    const holder = await coordinator.createSession({ name: '', ttl: 20_000, lockDelay: 3_000, serviceChecks: [] });
    await coordinator.transact([{ verb: 'lock', key, value: '', session: holder }]);
    await coordinator.destroySession(holder);
    await coordinator.transact([{ verb: 'delete', key }]);
    const id = manualRunId(job.uid, 'kept');
    const common = {
      jobUid: job.uid,
      namespace: 'default',
      name: 'kept-back',
      trigger: 'manual',
      revision: 1,
    } as const;
    await store.createRun({ ...common, id, requestedAt: clock(), deadline: clock() + 300, by: 'test' });
    // It is looked at when the lock is free again.
    const later = manualRunId(job.uid, 'later');
    await store.createRun({ ...common, id: later, requestedAt: clock(), deadline: clock() + 4_000, by: 'test' });
    for (const skipped of [await skippedRun(id), await skippedRun(later)]) {
      assert.equal(skipped.reason, 'StillRunning');
      assert.match(skipped.message ?? '', /lock of a run whose session was lost/);
    }
    assert.equal(await coordinator.get(key), undefined, 'nothing was written for it');
  });

  it('tells of a trigger by what its job was at its deadline, whatever was made of it after that', async () => {
    const deadline = clock() + 2_500;
    const changed = async (name: string, changes: readonly [floor: number, to: Partial<JobSpec>][]) => {
      const job = await makeJob(store, name, new Date(clock()).toISOString(), { schedule: '@yearly' });
      await master.publisher.publish([job]);
      const id = tickRunId(job.uid, clock());
      const common = { jobUid: job.uid, namespace: 'default', name, trigger: 'catchup', revision: 1 } as const;
      await store.createRun({ ...common, id, tick: clock(), requestedAt: clock(), deadline, by: 'test' });
      await eventually('its trigger', () => coordinator.get(triggerPath(jobKey(job), id)));
      let newest = job;
      for (const [floor, to] of changes) {
        newest = await store.updateJob({ ...newest, spec: { ...newest.spec, ...to }, floor, now: floor });
      }
      await master.publisher.publish([newest]);
      return id;
    };
    const [before, after] = [deadline - 100, deadline + 100];
    const ids = await Promise.all([
      changed('in-time', [[before, { suspend: true }]]),
      changed('too-late', [[after, { suspend: true }]]),
      changed('twice', [
        [before, { schedule: '@monthly' }],
        [after, { schedule: '@daily' }],
      ]),
      changed('ended-late', [
        [before, { suspend: true }],
        [after, { suspend: false }],
      ]),
    ]);
    const reasons = () => Promise.all(ids.map(async id => (await store.getRun(id))?.reason));
    await eventually('all are skipped', async () => (await reasons()).every(reason => reason !== undefined));
    assert.deepEqual(await reasons(), ['Suspended', 'NoEligibleWorker', 'JobChanged', 'Suspended']);
  });

  it('closes no trigger as lost whose tick was skipped before Consul was restored', async () => {
    const job = await makeJob(store, 'again-there', new Date(clock()).toISOString(), { schedule: '@yearly' });
    await master.publisher.publish([job]);
    const epoch = (await epochOf(coordinator))?.number ?? 0;
    const tick = clock();
    const write = async (name: string, of: Job, deadline: number) => {
      const run = tickRunId(of.uid, tick);
      const common = { v: 1, run, attempt: 1, jobUid: of.uid, kind: 'tick', tick, requestedAt: tick } as const;
      const key = triggerPath(`default/${name}` as JobKey, run);
      await coordinator.transact([{ verb: 'set', key, value: encode({ ...common, deadline, epoch, by: 'test' }) }]);
      return { run, key };
    };
    const other = await makeJob(store, 'still-there', new Date(clock()).toISOString(), { schedule: '@yearly' });
    const expired = await write('again-there', job, clock() - 1_500);
    const open = await write('still-there', other, clock() + 60_000);
    const snapshot = coordinator.snapshot();
    await eventually('the skip', async () => (await skipsOf(store, job)).length > 0);
    assert.equal(await coordinator.get(expired.key), undefined);
    coordinator.restore(snapshot);
    await eventually('the other is lost', async () => (await store.getRun(open.run))?.state === 'Lost');
    await eventually('both are gone', async () => (await coordinator.get(expired.key)) === undefined);
    assert.equal(await store.getRun(expired.run), undefined);
    assert.equal((await skipsOf(store, job)).length, 1);
  });
});
