import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { groupLockPath, killerPath, lockPath, prefix, triggerPath } from '../../src/coordination/keys.ts';
import { MemoryCoordinator } from '../../src/coordination/memory/memory.ts';
import { decode, encode, type LockRecord, type TriggerRecord } from '../../src/coordination/records.ts';
import { type Job, jobKey } from '../../src/domain/job/job.ts';
import type { JobSpecInput } from '../../src/domain/job/spec.ts';
import type { Report } from '../../src/domain/run/report.ts';
import { manualRunId, type RunId, type WorkerId } from '../../src/domain/run/run.ts';
import { Changes } from '../../src/master/services/changes.ts';
import { RunService } from '../../src/master/services/runs.ts';
import { silentLogger } from '../../src/observability/logger.ts';
import { openPgliteStore } from '../../src/store/prisma/index.ts';
import type { Run, Store } from '../../src/store/store.ts';
import { makeJob, quick, TestMaster } from '../support/leader.ts';
import { eventually } from '../support/process.ts';
import { Ledger, makeWorker, readEpoch, type TestWorker } from '../support/workers.ts';

const pod = { kubernetes: { template: { spec: { containers: [{ name: 'main', image: 'true' }] } } } };

describe('policies of concurrency with several workers', () => {
  let store: Store;
  let coordinator: MemoryCoordinator;
  let master: TestMaster;
  let runs: RunService;
  let ledger: Ledger;
  let workers: TestWorker[];
  let duration: number;
  let made = 0;

  before(async () => {
    store = await openPgliteStore();
    await store.migrate();
    coordinator = new MemoryCoordinator();
  });
  beforeEach(async () => {
    duration = 60_000;
    ledger = new Ledger();
    workers = [];
  });
  afterEach(async () => {
    for (const { coordinator: own } of workers) own.bury();
    await Promise.all(workers.map(({ worker }) => worker.stop()));
    await master.stop();
  });
  after(async () => {
    await coordinator.close();
    await store.close();
  });

  /** `clearEvery`: how soon the leader closes what was replaced. */
  const start = async (count: number, options: { capacity?: number; clearEvery?: number } = {}): Promise<void> => {
    const { capacity = 10, clearEvery = 100 } = options;
    const clock = Date.now;
    const timing = { ...quick, lostAfter: 60_000, quietAfter: 30_000, clearEvery };
    master = await new TestMaster({ coordinator, store, clock }, { timing }).start();
    runs = new RunService({
      store,
      publishing: master.publisher,
      workers: master.workers,
      changes: new Changes(),
      logger: silentLogger,
      clock,
      randomText: length => `${made++}`.padStart(length, 'z'),
      clockOk: () => true,
    });
    for (let i = 0; i < count; i++) {
      const name = `w${made++}`;
      const spool = {
        append: async (reports: readonly Report[]) =>
          await store.applyReports(`${name}-t1` as WorkerId, reports, Date.now()),
      };
      const executors = ['shell', 'http', 'kubernetes'] as const;
      workers.push(
        makeWorker(coordinator, ledger, {
          name,
          capacity,
          executors,
          kubernetes: true,
          duration: () => duration,
          spool,
        }),
      );
    }
    await Promise.all(workers.map(({ worker }) => worker.start()));
    await eventually('ready workers', () => workers.every(({ worker }) => worker.status().ready));
  };
  const jobWith = async (spec: Partial<JobSpecInput>): Promise<Job> => {
    const job = await makeJob(store, `policy-${made++}`, new Date().toISOString(), { schedule: '@manually', ...spec });
    await master.publisher.publish([job]);
    return job;
  };
  const reach = (id: RunId, what: string, is: (run: Run) => boolean): Promise<Run> =>
    eventually(what, async () => {
      const run = await store.getRun(id);
      return run !== undefined && is(run) && run;
    });
  const started = (id: RunId): boolean => ledger.starts.some(({ request }) => request.run === id);
  const startOf = (id: RunId) => eventually(`the start of ${id}`, () => started(id));

  it('Replace makes its own room: the one place of the one worker is that of the run to be replaced', async () => {
    await start(1, { capacity: 1 });
    const job = await jobWith({ concurrencyPolicy: 'Replace' });
    const first = await runs.trigger(job, 'a test');
    await startOf(first.id);
    const second = await runs.trigger(job, 'a test');
    await startOf(second.id);
    assert.equal((await reach(first.id, 'its end', run => run.state !== 'Running')).state, 'Killed');
    await runs.kill(second.id, 'a test');
  });

  it('Replace: those that waited before a run are never started after it, however short it is and late the leader', async () => {
    await start(2, { clearEvery: 4_000 });
    const job = await jobWith({ concurrencyPolicy: 'Replace' });
    const now = Date.now();
    const epoch = (await readEpoch(coordinator))?.number ?? 0;
    duration = 10;
    // Come together, as after an outage.
    const ids = [1, 2, 3, 4].map(i => manualRunId(job.uid, `together${i}`));
    const triggers = ids.map((run, i): TriggerRecord => {
      const common = { v: 1, run, attempt: 1, jobUid: job.uid, kind: 'manual', epoch, by: 'a test' } as const;
      return { ...common, dueAt: now + i, requestedAt: now + i, deadline: now + 60_000 };
    });
    await coordinator.transact(
      triggers.map(one => ({ verb: 'set', key: triggerPath(jobKey(job), one.run), value: encode(one) })),
    );
    const last = ids.at(-1) as RunId;
    await reach(last, 'the end of the newest', run => run.state === 'Succeeded');
    await delay(1_500);
    assert.deepEqual(ids.filter(started), [last]);
    await eventually(
      'they are taken away',
      async () => (await coordinator.keys(`${prefix.trigger}${jobKey(job)}/`)).length === 0,
    );
  });

  it('Replace: a run that was closed as replaced names the later one, also when the leader changes in between', async () => {
    await start(2);
    const job = await jobWith({ concurrencyPolicy: 'Replace' });
    const [older, newer] = [await runs.trigger(job, 'a test'), await runs.trigger(job, 'a test')];
    // Whichever of both a worker saw first: the newer one runs in the end, and the older one says what became of it.
    await startOf(newer.id);
    const run = await reach(older.id, 'its end', one => one.state === 'Killed' || one.state === 'Skipped');
    if (run.state === 'Skipped') assert.match(run.message ?? '', new RegExp(newer.id));
    // Marked, and its leader died before it was recorded.
    const late = await store.createRun({
      id: manualRunId(job.uid, 'zzzzzzmark'),
      jobUid: job.uid,
      namespace: job.namespace,
      name: job.name,
      trigger: 'manual',
      revision: 1,
      requestedAt: Date.now(),
      deadline: Date.now() + 60_000,
      by: 'a test',
    });
    await store.markRunsPublished([late.id]);
    const epoch = (await readEpoch(coordinator))?.number ?? 0;
    const trigger: TriggerRecord = {
      v: 1,
      run: late.id,
      attempt: 1,
      jobUid: job.uid,
      kind: 'manual',
      dueAt: late.requestedAt,
      requestedAt: late.requestedAt,
      deadline: late.requestedAt + 60_000,
      epoch,
      replacedBy: newer.id,
      by: 'a test',
    };
    await coordinator.transact([{ verb: 'set', key: triggerPath(jobKey(job), late.id), value: encode(trigger) }]);
    const closed = await reach(late.id, 'its end', one => one.state === 'Skipped');
    assert.deepEqual(
      [closed.reason, closed.message],
      ['Replaced', `the later run ${newer.id} came before it could start`],
    );
    assert.ok(!started(late.id));
    await runs.kill(newer.id, 'a test');
  });

  it('a group has one lock, whose value says whose run it is; Replace kills no run of another job', async () => {
    await start(3);
    const [one, two] = [
      await jobWith({ concurrencyPolicy: 'Replace', concurrencyGroup: 'shared' }),
      await jobWith({ concurrencyPolicy: 'Replace', concurrencyGroup: 'shared' }),
    ];
    const first = await runs.trigger(one, 'a test');
    await startOf(first.id);
    const lock = await coordinator.get(groupLockPath('default', 'shared'));
    assert.ok(lock);
    assert.deepEqual([decode<LockRecord>(lock).run, decode<LockRecord>(lock).job], [first.id, jobKey(one)]);
    const other = await runs.trigger(two, 'a test');
    await delay(1_500);
    assert.ok(!started(other.id));
    assert.equal(await coordinator.get(killerPath(jobKey(one), first.id)), undefined);
    const next = await runs.trigger(one, 'a test');
    await reach(first.id, 'its end', run => run.state === 'Killed');
    await eventually('one of those that wait', () => started(other.id) || started(next.id));
    const going = started(next.id) ? next : other;
    const left = going === next ? other : next;
    await runs.kill(going.id, 'a test');
    await startOf(left.id);
    await runs.kill(left.id, 'a test');
    await reach(left.id, 'its end', run => run.state === 'Killed');
  });

  it('a pod of a group that its worker let go of keeps the group’s lock, and is adopted as what it is', async () => {
    await start(2);
    const [pods, shell] = [
      await jobWith({ concurrencyPolicy: 'Forbid', concurrencyGroup: 'pods', executor: pod }),
      await jobWith({ concurrencyPolicy: 'Queue', concurrencyGroup: 'pods' }),
    ];
    const first = await runs.trigger(pods, 'a test');
    await startOf(first.id);
    const waiting = await runs.trigger(shell, 'a test');
    const [start_] = ledger.starts;
    const holder = workers.find(({ id }) => id === start_?.worker);
    holder?.supervisor.detach();
    await eventually('an adoption', () => ledger.adoptions.length > 0);
    const lock = await coordinator.get(groupLockPath('default', 'pods'));
    assert.ok(lock);
    assert.deepEqual([decode<LockRecord>(lock).run, decode<LockRecord>(lock).job], [first.id, jobKey(pods)]);
    await delay(1_000);
    assert.ok(!started(waiting.id), 'nothing starts beside it');
    await runs.kill(first.id, 'a test');
    await startOf(waiting.id);
    assert.ok((start_?.endedAt ?? Number.POSITIVE_INFINITY) <= Date.now());
    await runs.kill(waiting.id, 'a test');
  });

  it('Replace kills a pod that nobody follows for the moment, through whoever adopts it', async () => {
    await start(2);
    const job = await jobWith({ concurrencyPolicy: 'Replace', executor: pod });
    const first = await runs.trigger(job, 'a test');
    await startOf(first.id);
    const holder = workers.find(({ id }) => id === ledger.starts[0]?.worker);
    holder?.supervisor.detach();
    const second = await runs.trigger(job, 'a test');
    await startOf(second.id);
    const [one, two] = ledger.starts;
    assert.ok((one?.endedAt ?? Number.POSITIVE_INFINITY) <= (two?.at ?? 0), 'not beside one another');
    assert.equal((await reach(first.id, 'its end', run => run.state !== 'Running')).state, 'Killed');
    await runs.kill(second.id, 'a test');
  });

  it('what waits for a run of its own job keeps no other waiting: not with one job, nor with hundreds', async () => {
    await start(1, { capacity: 2 });
    const epoch = (await readEpoch(coordinator))?.number ?? 0;
    const triggerOf = (job: Job, i: number) => {
      const run = manualRunId(job.uid, `waits${i}`);
      const common = { v: 1, run, attempt: 1, jobUid: job.uid, kind: 'manual', epoch, by: 'a test' } as const;
      const now = Date.now();
      const trigger: TriggerRecord = { ...common, dueAt: now, requestedAt: now, deadline: now + 60_000 };
      return { verb: 'set', key: triggerPath(jobKey(job), run), value: encode(trigger) } as const;
    };
    const busy = await jobWith({ concurrencyPolicy: 'Forbid' });
    const going = await runs.trigger(busy, 'a test');
    await startOf(going.id);
    await coordinator.transact([1, 2, 3].map(i => triggerOf(busy, i)));
    duration = 10;
    const first = await runs.trigger(await jobWith({ concurrencyPolicy: 'Queue' }), 'a test');
    await reach(first.id, 'its end', run => run.state === 'Succeeded');

    const session = await coordinator.createSession({ name: 'other', ttl: 60_000, lockDelay: 0, serviceChecks: [] });
    const held = await Promise.all(Array.from({ length: 300 }, () => jobWith({ concurrencyPolicy: 'Forbid' })));
    for (const job of held) {
      const value = encode({ v: 1, run: 'another', attempt: 1, worker: 'other', jobUid: job.uid, trigger: 'manual' });
      await coordinator.transact([{ verb: 'lock', key: lockPath(jobKey(job), 0), value, session }, triggerOf(job, 0)]);
    }
    // The worker knows of all of them, and has this one behind them.
    await delay(1_000);
    const second = await runs.trigger(await jobWith({ concurrencyPolicy: 'Queue' }), 'a test');
    await reach(second.id, 'its end', run => run.state === 'Succeeded');
    await coordinator.destroySession(session);
    await runs.kill(going.id, 'a test');
  });

  it('Queue: a further attempt takes its run’s place again, before those that were due later', async () => {
    await start(2);
    duration = 400;
    const job = await jobWith({ concurrencyPolicy: 'Queue', maxQueuedRuns: 2 });
    const holder = await runs.trigger(job, 'a test');
    await startOf(holder.id);
    const later = await runs.trigger(job, 'a test');
    const again: TriggerRecord = {
      v: 1,
      run: manualRunId(job.uid, 'attemptwo1'),
      attempt: 2,
      jobUid: job.uid,
      kind: 'manual',
      dueAt: holder.requestedAt - 5_000,
      requestedAt: Date.now(),
      deadline: Date.now() + 60_000,
      epoch: (await readEpoch(coordinator))?.number ?? 0,
      by: 'a test',
    };
    await coordinator.transact([{ verb: 'set', key: triggerPath(jobKey(job), again.run), value: encode(again) }]);
    const waiting = await runs.waiting(job);
    assert.deepEqual(
      waiting.map(({ run }) => run),
      [again.run, later.id],
    );
    await assert.rejects(runs.trigger(job, 'a test'), { code: 'QueueFull' });
    await startOf(later.id);
    const order = ledger.starts.map(({ request }) => request.run);
    assert.deepEqual(order, [holder.id, again.run, later.id]);
  });
});
