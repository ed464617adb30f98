import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { publish } from '../../src/coordination/feed.ts';
import { askForAdoption, isOutliving } from '../../src/coordination/handover.ts';
import { epochKey, killerPath, lockPath, prefix, triggerPath } from '../../src/coordination/keys.ts';
import { MemoryCoordinator } from '../../src/coordination/memory/memory.ts';
import {
  decode,
  encode,
  type JobRecord,
  type KillRecord,
  type LockRecord,
  type TriggerRecord,
} from '../../src/coordination/records.ts';
import { type JobSpecInput, jobSpec } from '../../src/domain/job/spec.ts';
import { manualRunId, type RunId } from '../../src/domain/run/run.ts';
import { EpochStandIn, Ledger, makeJob, makeWorker, publishJobs, type TestWorker, until } from '../support/workers.ts';

const kubernetes = { template: { spec: { containers: [{ name: 'main', image: 'busybox' }] } } };
const pods = { executor: { kubernetes } };

describe('runs that go on without their worker', () => {
  let coordinator: MemoryCoordinator;
  let epoch: EpochStandIn;
  let ledger: Ledger;
  let workers: TestWorker[];
  let duration: number;

  beforeEach(async () => {
    coordinator = new MemoryCoordinator();
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

  async function start(name: string, more: { readonly labels?: Record<string, string> } = {}): Promise<TestWorker> {
    const executors = ['shell', 'kubernetes'] as const;
    const one = makeWorker(coordinator, ledger, {
      name,
      executors,
      kubernetes: true,
      capacity: 5,
      duration: () => duration,
      ...more,
    });
    workers.push(one);
    await one.worker.start();
    await until('it is ready', () => one.worker.status().ready);
    return one;
  }

  /** Asks for a run, as a master does. */
  async function ask(job: JobRecord, name: string): Promise<RunId> {
    const run = manualRunId(job.uid, name);
    const trigger: TriggerRecord = {
      v: 1,
      run,
      attempt: 1,
      jobUid: job.uid,
      kind: 'manual',
      deadline: Date.now() + 60_000,
      requestedAt: Date.now(),
      epoch: 1,
      by: 'the test',
    };
    const key = triggerPath(`${job.namespace}/${job.name}`, run);
    await coordinator.transact([{ verb: 'set', key, value: encode(trigger) }]);
    await until(`the start of ${run}`, () => ledger.pods.has(run));
    return run;
  }

  const edited = (job: JobRecord, spec: Partial<JobSpecInput>): JobRecord => ({
    ...job,
    spec: jobSpec.parse({ ...job.spec, ...spec }),
    revision: job.revision + 1,
  });

  const keysBelow = async (below: string) => (await coordinator.list(below)).map(({ key }) => key);
  const finished = (run: RunId) => until(`the end of ${run}`, () => ledger.finished(run));
  const yearly = { schedule: '@yearly', startingDeadlineSeconds: 60, ...pods };

  it('are adopted where a worker stops, and hold their slot from their first start to their end', async () => {
    duration = 9_000;
    const first = await start('worker-0');
    const job = makeJob('forbid', { schedule: '* * * * * *', concurrencyPolicy: 'Forbid', ...pods });
    await publishJobs(coordinator, [job]);
    const begun = await until('a start', () => ledger.starts[0]);
    const second = await start('worker-1');
    await delay(2_500);
    await first.worker.stop();
    await until('the adoption', () => ledger.adoptions.length === 1);
    const [adoption] = ledger.adoptions;
    assert.equal(adoption?.worker, second.id);
    assert.equal(adoption?.request.handovers, 1);
    assert.equal(adoption?.request.run, begun.request.run);
    const lock = await coordinator.get(lockPath('default/forbid', 0));
    assert.equal(lock?.session, second.worker.status().session);
    assert.equal(ledger.starts.length, 1);

    assert.equal((await finished(begun.request.run)).outcome, 'Succeeded');
    const skip = await until('the skip of what it held up', () => ledger.skips(job.uid)[0]);
    assert.equal(skip.reason, 'StillRunning');
    // From the tick after its own, though it was adopted later.
    assert.equal(skip.from, Date.parse(begun.request.env.CRONMESH_TICK ?? '') + 1_000);
    await until('the next start', () => ledger.starts.length > 1);
    assert.deepEqual(ledger.startedTwice(), []);
    assert.deepEqual(await keysBelow(prefix.trigger), []);
  });

  it('are not adopted a second time by their own worker, however often that is asked for', async () => {
    duration = 4_000;
    const { worker } = await start('worker-0');
    const job = makeJob('two', { ...yearly, maxConcurrentRuns: 2 });
    await publishJobs(coordinator, [job]);
    const run = await ask(job, 'one');
    const lock = await coordinator.get(lockPath('default/two', 0));
    const record = lock && decode<LockRecord>(lock);
    assert.ok(record && isOutliving(record));
    await coordinator.transact([askForAdoption(lock.key, record, 'the test', Date.now())]);
    await finished(run);
    await until('an adoption, once it has let go of it', () => ledger.adoptions.length === 1);
    await until('room', () => worker.status().running === 0);
    while ((await keysBelow(prefix.lock)).length > 0) await delay(20);
  });

  it('keep their slot where the limit was lowered meanwhile', async () => {
    duration = 6_000;
    const first = await start('worker-0');
    const job = makeJob('fewer', { ...yearly, maxConcurrentRuns: 2 });
    await publishJobs(coordinator, [job]);
    const runs = [await ask(job, 'one'), await ask(job, 'two')];
    await publishJobs(coordinator, [edited(job, { maxConcurrentRuns: 1 })]);
    const second = await start('worker-1');
    await first.worker.stop();
    await until('both adoptions', () => ledger.adoptions.length === 2);
    const locks = await coordinator.list(`${prefix.lock}default/fewer/`);
    assert.deepEqual(
      locks.map(({ key, session }) => [key, session]),
      [0, 1].map(slot => [lockPath('default/fewer', slot), second.worker.status().session]),
    );
    for (const run of runs) await finished(run);
    await until('room', () => second.worker.status().running === 0);
    await until('no more', () => ledger.adoptions.length === 2);
    assert.deepEqual(ledger.startedTwice(), []);
  });

  it('are adopted as what they are where their job has become another kind, or is gone', async () => {
    duration = 6_000;
    const first = await start('worker-0');
    const jobs = ['kind', 'gone'].map(name => makeJob(name, { ...yearly, concurrencyPolicy: 'Forbid' }));
    await publishJobs(coordinator, jobs);
    const [kind, gone] = jobs as [JobRecord, JobRecord];
    const runs = [await ask(kind, 'one'), await ask(gone, 'one')];
    const { kubernetes: _pod, ...shell } = { ...kind.spec.executor, shell: { command: 'true' } };
    await publishJobs(coordinator, [edited(kind, { executor: shell })]);
    await publish(coordinator, ['default/gone'], async () => new Map());
    const second = await start('worker-1');
    await first.worker.stop();
    await until('both adoptions', () => ledger.adoptions.length === 2);
    assert.ok(ledger.adoptions.every(({ request }) => request.executor.kubernetes !== undefined));
    for (const run of runs) assert.equal((await finished(run)).outcome, 'Succeeded');
    await until('room', () => second.worker.status().running === 0);
    assert.deepEqual(ledger.startedTwice(), []);
    assert.equal(ledger.starts.length, 2);
  });

  it('are adopted only where the workers are that their job asked for', async () => {
    duration = 5_000;
    const first = await start('worker-0', { labels: { region: 'north' } });
    const matchExpressions = [{ key: 'region', operator: 'In' as const, values: ['north'] }];
    const placement = { selector: { matchExpressions } };
    const job = makeJob('placed', { ...yearly, placement });
    await publishJobs(coordinator, [job]);
    await ask(job, 'one');
    await start('worker-1', { labels: { region: 'south' } });
    const { placement: _north, ...anywhere } = job.spec;
    await publishJobs(coordinator, [{ ...job, spec: jobSpec.parse(anywhere), revision: 2 }]);
    const north = await start('worker-2', { labels: { region: 'north' } });
    await first.worker.stop();
    await until('the adoption', () => ledger.adoptions.length === 1);
    assert.equal(ledger.adoptions[0]?.worker, north.id);
  });

  it('are ended by whoever adopts them where that was asked for while nobody had them', async () => {
    duration = 60_000;
    const first = await start('worker-0');
    const job = makeJob('killed', yearly);
    await publishJobs(coordinator, [job]);
    const run = await ask(job, 'one');
    await first.worker.stop();
    const kill: KillRecord = { v: 1, run, requestedAt: Date.now(), by: 'the test' };
    await coordinator.transact([{ verb: 'set', key: killerPath('default/killed', run), value: encode(kill) }]);
    await start('worker-1');
    assert.equal((await finished(run)).outcome, 'Killed');
    const killers = async () => (await keysBelow(prefix.killer)).length;
    while ((await killers()) > 0) await delay(20);
    assert.equal(ledger.adoptions.length, 1);
  });

  it('are handed over while there is no epoch to work in', async () => {
    duration = 60_000;
    const first = await start('worker-0');
    const job = makeJob('held', { ...yearly, concurrencyPolicy: 'Forbid' });
    await publishJobs(coordinator, [job]);
    const run = await ask(job, 'one');
    await epoch.stop();
    await coordinator.transact([{ verb: 'delete', key: epochKey }]);
    // Nothing is claimed, and yet nothing is left behind.
    await until('it is held', () => first.worker.status().held);
    await first.worker.stop();
    const lock = await coordinator.get(lockPath('default/held', 0));
    assert.equal(lock && decode<LockRecord>(lock).run, run);
    assert.equal(lock?.session, undefined);
    const trigger = await coordinator.get(triggerPath('default/held', run));
    assert.equal(trigger && decode<TriggerRecord>(trigger).adopts?.lock, lock?.key);
  });
});
