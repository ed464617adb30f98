import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { MemoryCoordinator } from '../../src/coordination/memory/memory.ts';
import { type Job, jobKey } from '../../src/domain/job/job.ts';
import type { JobSpecInput } from '../../src/domain/job/spec.ts';
import type { Report } from '../../src/domain/run/report.ts';
import type { RunId, WorkerId } from '../../src/domain/run/run.ts';
import { Changes } from '../../src/master/services/changes.ts';
import { RunService } from '../../src/master/services/runs.ts';
import { silentLogger } from '../../src/observability/logger.ts';
import { openPgliteStore } from '../../src/store/prisma/index.ts';
import type { Run, Store } from '../../src/store/store.ts';
import { makeJob, quick, TestMaster } from '../support/leader.ts';
import { eventually } from '../support/process.ts';
import { Ledger, makeWorker, type Start, type TestWorker } from '../support/workers.ts';

const backoff = { initialSeconds: 0.3, factor: 2, maximumSeconds: 1, jitter: 0.1 };
const oneByOne = (starts: readonly Start[]): boolean =>
  starts.every(({ at }, i) => i === 0 || at >= (starts[i - 1]?.endedAt ?? Number.POSITIVE_INFINITY));
const failing = { outcome: 'Failed', exitCode: 75 } as const;

describe('retries with several workers', () => {
  let store: Store;
  let coordinator: MemoryCoordinator;
  let master: TestMaster;
  let runs: RunService;
  let ledger: Ledger;
  let workers: TestWorker[];
  /** Attempts up to this one fail. */
  let failures: number;
  let duration: number;
  let made = 0;

  before(async () => {
    store = await openPgliteStore();
    await store.migrate();
    coordinator = new MemoryCoordinator();
  });
  beforeEach(async () => {
    [failures, duration] = [2, 20];
    ledger = new Ledger();
    const clock = Date.now;
    // What is lost is found at the protocol's own pace: the workers keep that, too.
    const timing = { ...quick, lostAfter: 60_000, quietAfter: 30_000, clearEvery: 500 };
    master = await new TestMaster({ coordinator, store, clock }, { timing }).start();
    runs = new RunService({
      store,
      publishing: master.publisher,
      workers: master.workers,
      changes: new Changes(),
      logger: silentLogger,
      clock,
      randomText: count => `${made++}`.padStart(count, 'z'),
      clockOk: () => true,
    });
    workers = ['a', 'b', 'c'].map(name => {
      const id = `${name}${made++}`;
      return makeWorker(coordinator, ledger, {
        name: id,
        duration: () => duration,
        result: ({ attempt }) => (attempt <= failures ? failing : { outcome: 'Succeeded', exitCode: 0 }),
        spool: {
          append: async (reports: readonly Report[]) =>
            await store.applyReports(`${id}-t1` as WorkerId, reports, Date.now()),
        },
      });
    });
    await Promise.all(workers.map(({ worker }) => worker.start()));
    await eventually('ready workers', () => workers.every(({ worker }) => worker.status().ready));
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

  const jobWith = async (spec: Partial<JobSpecInput>): Promise<Job> => {
    const job = await makeJob(store, `retried-${made++}`, new Date().toISOString(), {
      schedule: '@manually',
      retry: { limit: 2, backoff },
      ...spec,
    });
    await master.publisher.publish([job]);
    return job;
  };
  const reach = (id: RunId, what: string, is: (run: Run) => boolean): Promise<Run> =>
    eventually(what, async () => {
      const run = await store.getRun(id);
      return run !== undefined && is(run) && run;
    });
  const startsOf = (id: RunId) => ledger.starts.filter(({ request }) => request.run === id);

  it('tries a run three times when it fails twice: each attempt once, one after another, with its own log', async () => {
    const job = await jobWith({});
    const { id } = await runs.trigger(job, 'a test');
    const lines: string[] = [];
    for await (const some of runs.follow(id, {}, AbortSignal.timeout(20_000))) lines.push(...some.map(one => one.text));
    assert.deepEqual(lines, ['attempt 1\n', 'attempt 2\n', 'attempt 3\n'], 'the log was followed to the last attempt');
    const run = await runs.get(id);
    assert.deepEqual([run.state, run.attempt, run.trigger, run.exitCode], ['Succeeded', 3, 'manual', 0]);
    const starts = startsOf(id);
    assert.deepEqual(
      starts.map(({ request }) => request.env.CRONMESH_ATTEMPT),
      ['1', '2', '3'],
    );
    assert.ok(oneByOne(starts), 'no overlap');
    const tokens = starts.map(({ request }) => BigInt(request.env.CRONMESH_FENCING_TOKEN ?? 0));
    assert.ok(
      tokens.every((token, i) => i === 0 || token > (tokens[i - 1] ?? token)),
      'tokens grow',
    );
    const second = await store.runLogs(id, { after: 0, limit: 10, attempt: 2 });
    assert.deepEqual(
      second.map(({ text }) => text),
      ['attempt 2\n'],
    );
  });

  it('ends as Failed with the last attempt', async () => {
    failures = 9;
    const { id } = await runs.trigger(await jobWith({}), 'a test');
    const run = await reach(id, 'the end', one => one.attempt === 3 && one.retryDecided === true);
    assert.deepEqual([run.state, run.exitCode, startsOf(id).length], ['Failed', 75, 3]);
  });

  it('frees the slot of an exclusive job between attempts, and waits for it', async () => {
    failures = 1;
    duration = 700;
    const job = await jobWith({ concurrencyPolicy: 'Forbid', retry: { limit: 1, backoff } });
    const first = await runs.trigger(job, 'a test');
    await reach(first.id, 'the wait', run => run.nextAttemptAt !== undefined);
    const between = await runs.trigger(job, 'a test');
    for (const { id } of [first, between]) {
      await reach(id, 'its success', run => run.state === 'Succeeded' && run.attempt === 2);
    }
    const all = [...startsOf(first.id), ...startsOf(between.id)].sort((a, b) => a.at - b.at);
    assert.equal(all.length, 4);
    assert.equal(all[1]?.request.run, between.id, 'it ran between the attempts');
    assert.ok(oneByOne(all), 'no overlap');
  });

  it('ends a run that waits when it is killed', async () => {
    const job = await jobWith({ retry: { limit: 2, backoff: { initialSeconds: 60 } } });
    const { id } = await runs.trigger(job, 'a test');
    await reach(id, 'the wait', run => run.nextAttemptAt !== undefined);
    const killed = await runs.kill(id, 'ada');
    assert.deepEqual([killed.state, killed.message], ['Killed', 'killed by ada before its attempt 2']);
    await assert.rejects(runs.kill(id, 'ada'), { code: 'Conflict' });
    assert.deepEqual(await coordinator.list(`cron/killer/${jobKey(job)}/`), []);
  });

  it('tries a run again elsewhere when its worker dies', async () => {
    failures = 0;
    duration = 60_000;
    const { id } = await runs.trigger(await jobWith({}), 'a test');
    const first = await eventually('the start', () => startsOf(id)[0]);
    await reach(id, 'the report', run => run.state === 'Running');
    const dead = workers.find(one => one.id === first.worker);
    assert.ok(dead);
    const { session } = dead.worker.status();
    assert.ok(session);
    dead.supervisor.die();
    dead.coordinator.cut();
    coordinator.expireSession(session);
    duration = 20;
    const waiting = await reach(id, 'the wait', run => run.nextAttemptAt !== undefined);
    assert.deepEqual([waiting.state, waiting.lastOutcome, startsOf(id).length], ['Pending', 'Lost', 1]);
    const ended = await reach(id, 'the end', run => run.state === 'Succeeded');
    assert.equal(ended.attempt, 2);
    const [, second, ...more] = startsOf(id);
    assert.deepEqual(more, []);
    assert.notEqual(second?.worker, first.worker);
    assert.ok((second?.at ?? 0) >= (first.endedAt ?? Number.POSITIVE_INFINITY) + 15_000, 'not before its fence');
  });
});
