import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { clockFrom, cursorOf, makeJob, quick, skipsOf, TestMaster } from '../../../test/support/leader.ts';
import { eventually } from '../../../test/support/process.ts';
import { askForAdoption, type OutlivingLock } from '../../coordination/handover.ts';
import { lockPath, triggerPath } from '../../coordination/keys.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { decode, encode, type TriggerRecord } from '../../coordination/records.ts';
import { type Job, jobKey } from '../../domain/job/job.ts';
import { manualRunId, type RunId, type WorkerId } from '../../domain/run/run.ts';
import { silentLogger } from '../../observability/logger.ts';
import { openPgliteStore } from '../../store/prisma/index.ts';
import type { Store } from '../../store/store.ts';
import { ReportIngest } from '../grpc/ingest.ts';

const day = (time: string) => `2026-03-01T${time}Z`;
const worker = 'worker-1' as WorkerId;

describe('runs that go on without their worker, and the leader', () => {
  let store: Store;
  let coordinator: MemoryCoordinator;
  let master: TestMaster;
  let clock: () => number;
  let spooled = 0;

  before(async () => {
    store = await openPgliteStore();
    await store.migrate();
    coordinator = new MemoryCoordinator();
  });
  beforeEach(() => {
    // No tick of the jobs below comes while a test runs.
    clock = clockFrom(day('12:05:20'));
    master = new TestMaster({ coordinator, store, clock }, { timing: { ...quick, lostAfter: 60_000 } });
  });
  afterEach(() => master.stop());
  after(async () => {
    await coordinator.close();
    await store.close();
  });

  /** A lock whose session has ended. */
  async function leave(job: Job, slot: number, more: { since?: number; until?: number } = {}): Promise<OutlivingLock> {
    const { since = clock() - 1_000, until = clock() + 600_000 } = more;
    const run = manualRunId(job.uid, `r${slot}`);
    const outlives = { handovers: 0, since, until, revision: 1 };
    const rest = { run, attempt: 1, worker, jobUid: job.uid, trigger: 'manual', deadline: clock() } as const;
    const record: OutlivingLock = { v: 1, ...rest, outlives };
    const session = await coordinator.createSession({ name: '', ttl: 20_000, lockDelay: 0, serviceChecks: [] });
    const key = lockPath(jobKey(job), slot);
    await coordinator.transact([{ verb: 'lock', key, value: encode(record), session }]);
    await coordinator.destroySession(session);
    return record;
  }

  async function report(job: Job, run: RunId, outcome?: 'Succeeded'): Promise<void> {
    const reference = { run, attempt: 1, jobUid: job.uid, namespace: job.namespace, name: job.name } as const;
    const at = clock();
    const common = { ...reference, trigger: 'manual', at } as const;
    const reports = [
      { ...common, type: 'claimed', fencingToken: '7', revision: 1 } as const,
      { ...common, type: 'started' } as const,
      ...(outcome === undefined ? [] : [{ ...common, type: 'finished', outcome } as const]),
    ];
    await new ReportIngest({ store, logger: silentLogger, clock }).ingest({
      worker,
      spool: 's',
      first: spooled,
      reports,
    });
    spooled += reports.length;
  }

  const lockOf = (job: Job, slot = 0) => coordinator.get(lockPath(jobKey(job), slot));
  const triggerOf = (job: Job, run: RunId) => coordinator.get(triggerPath(jobKey(job), run));
  const stateOf = async (run: RunId) => (await store.getRuns([run]))[0]?.state;

  it('asks for their adoption, and keeps their lock and the trigger whatever becomes of the job', async () => {
    const job = await makeJob(store, 'left', day('12:05:10'), { schedule: '@yearly' });
    const { run } = await leave(job, 0);
    await report(job, run);
    const before = await lockOf(job);
    await master.start();
    const entry = await eventually('a trigger', () => triggerOf(job, run));
    const { adopts, epoch, deadline } = decode<TriggerRecord>(entry);
    assert.equal(adopts?.handovers, 1);
    assert.equal(adopts?.lock, before?.key);
    assert.equal(epoch, 0);
    assert.ok(deadline > clock());
    await store.deleteJob(job.uid, clock(), job.revision);
    // Some passes: a trigger of no epoch is not one of an older epoch, and the run goes on though its job is gone.
    await delay(800);
    assert.deepEqual(await triggerOf(job, run), entry);
    assert.deepEqual(await lockOf(job), before);
    assert.equal(await stateOf(run), 'Running');
  });

  it('lets go of the lock and the trigger of a run that had ended and was reported', async () => {
    const job = await makeJob(store, 'ended', day('12:05:10'), { schedule: '@yearly' });
    const lock = await leave(job, 0);
    await report(job, lock.run, 'Succeeded');
    const key = lockPath(jobKey(job), 0);
    await coordinator.transact([askForAdoption(key, lock, 'its supervisor', clock())]);
    await master.start();
    await eventually('the trigger is gone', async () => (await triggerOf(job, lock.run)) === undefined);
    await eventually('the lock is gone', async () => (await lockOf(job)) === undefined);
    assert.equal(await stateOf(lock.run), 'Succeeded');
  });

  it('closes as lost what nobody has adopted in time, and then frees its slot', async () => {
    const job = await makeJob(store, 'unadopted', day('12:05:10'), { schedule: '@yearly' });
    const lock = await leave(job, 0, { until: clock() - 60_000 });
    await report(job, lock.run);
    await master.start();
    await eventually('it is lost', async () => (await stateOf(lock.run)) === 'Lost');
    await eventually('the lock is gone', async () => (await lockOf(job)) === undefined);
    await eventually('the trigger is gone', async () => (await triggerOf(job, lock.run)) === undefined);
    assert.match((await store.getRuns([lock.run]))[0]?.message ?? '', /never adopted/);
  });

  it('closes such a run as lost, and not as one that never began, where nothing was reported of it', async () => {
    const job = await makeJob(store, 'unreported', day('12:05:10'), { schedule: '@yearly' });
    const lock = await leave(job, 0, { until: clock() - 60_000 });
    const { namespace, name, uid: jobUid } = job;
    const asked = { requestedAt: clock() - 120_000, deadline: clock() - 60_000, by: 'the test', revision: 1 };
    await store.createRun({ id: lock.run, jobUid, namespace, name, trigger: 'manual', ...asked });
    await store.markRunsPublished([lock.run]);
    await master.start();
    await eventually('it is lost', async () => (await stateOf(lock.run)) === 'Lost');
    await eventually('the lock is gone', async () => (await lockOf(job)) === undefined);
  });

  it('judges no tick of a Forbid job while one of them holds the slot', async () => {
    const job = await makeJob(store, 'forbid', day('12:02:10'), { concurrencyPolicy: 'Forbid' });
    const { run } = await leave(job, 0, { since: Date.parse(day('12:02:20')) });
    await report(job, run);
    await master.start();
    await eventually('it is seen', () => triggerOf(job, run));
    await delay(500);
    assert.deepEqual(await skipsOf(store, job), []);
    assert.equal(await cursorOf(coordinator, job), undefined);
    await coordinator.transact([{ verb: 'delete', key: lockPath(jobKey(job), 0) }]);
    const skips = await eventually('the skips', async () => {
      const found = await skipsOf(store, job);
      return found.reduce((sum, { count }) => sum + count, 0) === 3 && found;
    });
    assert.ok(
      skips.every(({ reason }) => reason === 'StillRunning'),
      JSON.stringify(skips),
    );
  });

  it('takes a run without a lock for lost where its worker does not answer any more', async () => {
    const checks = [
      { kind: 'http', id: 'worker-1:alive', name: '', url: 'http://127.0.0.1:1', interval: 1_000, timeout: 1_000 },
    ] as const;
    const meta = { name: 'worker-1', labels: '{}', executors: 'shell', capacity: '1', version: '0' };
    await coordinator.register({ service: 'cronmesh-worker', id: worker, address: '127.0.0.1', port: 1, meta, checks });
    const job = await makeJob(store, 'quiet', day('12:05:10'), { schedule: '@yearly' });
    const run = manualRunId(job.uid, 'q');
    await report(job, run);
    await master.start();
    await delay(1_000);
    assert.equal(await stateOf(run), 'Running');
    // Its node is gone: nobody takes it out of the catalog.
    coordinator.overrideCheck('worker-1:alive', 'critical');
    await eventually('it is lost', async () => (await stateOf(run)) === 'Lost');
  });
});
