import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { clockFrom, makeJob, TestMaster } from '../../../test/support/leader.ts';
import { eventually } from '../../../test/support/process.ts';
import { killerPath, publishedPath, triggerPath } from '../../coordination/keys.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { decode, encode, type TriggerRecord } from '../../coordination/records.ts';
import { type Job, jobKey } from '../../domain/job/job.ts';
import type { JobSpecInput } from '../../domain/job/spec.ts';
import type { FinishedReport } from '../../domain/run/report.ts';
import { manualRunId, type RunId, type WorkerId } from '../../domain/run/run.ts';
import { openPgliteStore } from '../../store/prisma/index.ts';
import type { Run, Store } from '../../store/store.ts';

const day = '2026-03-01T12:00:00Z';
const worker = 'worker-1' as WorkerId;
const quickly = { initialSeconds: 0.2, factor: 2, maximumSeconds: 1, jitter: 0 };
const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

describe('retries by the leader', () => {
  let store: Store;
  let coordinator: MemoryCoordinator;
  let clock: () => number;
  let masters: TestMaster[] = [];
  let made = 0;

  before(async () => {
    store = await openPgliteStore();
    await store.migrate();
    coordinator = new MemoryCoordinator();
  });
  beforeEach(() => {
    clock = clockFrom(day);
  });
  afterEach(async () => {
    for (const master of masters) await master.stop();
    masters = [];
  });
  after(async () => {
    await coordinator.close();
    await store.close();
  });

  const elect = async (): Promise<TestMaster> => {
    const master = await new TestMaster({ coordinator, store, clock, master: `master-${masters.length}` }).start();
    masters.push(master);
    return master;
  };
  const jobWith = (retry: JobSpecInput['retry'], more: Partial<JobSpecInput> = {}): Promise<Job> =>
    makeJob(store, `job-${made++}`, day, {
      schedule: '@manually',
      ...(retry !== undefined && { retry: { backoff: quickly, ...retry } }),
      ...more,
    });
  /** Reports an attempt from claim to end, as its worker does. */
  const attempt = async (job: Job, run: RunId, number: number, end: Partial<FinishedReport> = {}): Promise<void> => {
    const { uid: jobUid, namespace, name } = job;
    const at = clock();
    const about = { run, attempt: number, jobUid, namespace, name, trigger: 'manual', at } as const;
    await store.applyReports(
      worker,
      [
        { ...about, type: 'claimed', fencingToken: String(2 ** 40 + number), revision: 1 },
        { ...about, type: 'started', pid: 1 },
        { ...about, type: 'finished', outcome: 'Failed', exitCode: 75, ...end },
      ],
      at,
    );
  };
  const newRun = (job: Job): RunId => manualRunId(job.uid, `${made++}`.padStart(10, 'a'));
  const get = async (run: RunId): Promise<Run> => {
    const found = await store.getRun(run);
    assert.ok(found);
    return found;
  };
  const triggerOf = async (job: Job, run: RunId): Promise<TriggerRecord | undefined> => {
    const entry = await coordinator.get(triggerPath(jobKey(job), run));
    return entry && decode<TriggerRecord>(entry);
  };
  /** Takes a trigger away as a worker does. */
  const take = async (job: Job, run: RunId): Promise<TriggerRecord> => {
    const trigger = await eventually('a trigger', () => triggerOf(job, run));
    await coordinator.transact([{ verb: 'delete', key: triggerPath(jobKey(job), run) }]);
    return trigger;
  };
  const decided = (run: RunId) => eventually('a decision', async () => (await get(run)).retryDecided === true);

  it('tries a run again until its attempts are used up, each attempt once', async () => {
    const job = await jobWith({ limit: 2 });
    const run = newRun(job);
    await attempt(job, run, 1);
    const master = await elect();
    for (const number of [2, 3]) {
      const waiting = await eventually('the wait', async () => {
        const row = await get(run);
        return row.nextAttemptAt !== undefined && row;
      });
      assert.deepEqual([waiting.state, waiting.attempt, waiting.lastOutcome], ['Pending', number - 1, 'Failed']);
      const trigger = await take(job, run);
      assert.deepEqual([trigger.attempt, trigger.kind, trigger.run], [number, 'retry', run]);
      assert.ok(await coordinator.get(publishedPath(run, number)));
      await pause(300);
      assert.equal(await triggerOf(job, run), undefined, 'written once');
      await attempt(job, run, number);
    }
    await decided(run);
    await pause(300);
    const last = await get(run);
    assert.deepEqual([last.state, last.attempt, last.nextAttemptAt], ['Failed', 3, undefined]);
    assert.equal(await triggerOf(job, run), undefined);
    assert.match(await master.registry.metrics(), /cronmesh_run_retries_total\{outcome="Failed"\} 2/);
  });

  it('waits as long as the backoff says, from the end of the attempt', async () => {
    const job = await jobWith({ limit: 3, backoff: { initialSeconds: 1, factor: 3, jitter: 0 } });
    const run = newRun(job);
    await attempt(job, run, 2);
    await elect();
    await decided(run);
    const { finishedAt = 0, nextAttemptAt } = await get(run);
    assert.equal(nextAttemptAt, finishedAt + 3_000);
    await pause(500);
    assert.equal(await triggerOf(job, run), undefined, 'not before its time');
  });

  it('leaves alone what the policy does not retry, and jobs without one', async () => {
    const without = await jobWith(undefined);
    const narrow = await jobWith({ limit: 5, on: { exitCodes: [1] } });
    const runs = [newRun(without), newRun(narrow)] as const;
    await attempt(without, runs[0], 1);
    await attempt(narrow, runs[1], 1);
    await elect();
    for (const run of runs) {
      await decided(run);
      assert.deepEqual([(await get(run)).state, (await get(run)).nextAttemptAt], ['Failed', undefined]);
    }
  });

  it('waits for the fence of a lost attempt, and withdraws the retry when its end is told', async () => {
    const job = await jobWith({ limit: 1 });
    const run = newRun(job);
    await attempt(job, run, 1, { outcome: 'Lost' });
    await elect();
    await decided(run);
    const { nextAttemptAt = 0 } = await get(run);
    assert.ok(nextAttemptAt >= clock() + 14_000, 'the lock delay');
    await attempt(job, run, 1, { outcome: 'Succeeded' });
    assert.equal((await get(run)).state, 'Succeeded');
    await pause(200);
    assert.deepEqual([(await get(run)).state, (await get(run)).nextAttemptAt], ['Succeeded', undefined]);
  });

  it('goes on where the leader before was: nothing is forgotten, nothing written twice', async () => {
    const job = await jobWith({ limit: 3 });
    const [waits, due] = [newRun(job), newRun(job)];
    await attempt(job, waits, 1);
    const first = await elect();
    await decided(waits);
    await first.leader.stop();
    // Asked for in the database, and the leader died before Consul knew.
    await attempt(job, due, 1);
    const term = await store.nextTerm('scheduler', 'master-0');
    await store.decideRetries(term, [{ run: await get(due), at: clock() }], clock());
    const asked = [{ run: due, attempt: 1, deadline: clock() + 60_000 }];
    await store.askForRetries(term, { asked, dropped: [] }, clock());
    const second = await elect();
    for (const run of [waits, due]) assert.equal((await take(job, run)).attempt, 2);
    // Its database was not told, and a third leader looks again: the mark in Consul keeps it.
    await second.leader.stop();
    const pending = (await store.pendingRuns(100)).filter(run => run.id === due);
    await second.publisher.publishTriggers(pending.map(run => ({ ...run, published: false })));
    await elect();
    await pause(400);
    assert.equal(await triggerOf(job, due), undefined);
  });

  it('drops the retry when the job is gone or wants it no more', async () => {
    const [deleted, edited] = [await jobWith({ limit: 1 }), await jobWith({ limit: 1 })];
    const runs = [newRun(deleted), newRun(edited)] as const;
    await attempt(deleted, runs[0], 1);
    await attempt(edited, runs[1], 1);
    const term = await store.nextTerm('scheduler', 'nobody');
    for (const run of runs) await store.decideRetries(term, [{ run: await get(run), at: clock() }], clock());
    await store.deleteJob(deleted.uid, clock());
    const { retry: _, ...spec } = edited.spec;
    await store.updateJob({ ...edited, spec, now: clock() });
    await elect();
    for (const run of runs) {
      const row = await eventually('the end', async () => {
        const one = await get(run);
        return one.state !== 'Pending' && one;
      });
      assert.deepEqual([row.state, row.attempt, row.exitCode], ['Failed', 1, 75]);
    }
  });

  it('goes on with the retries of a suspended job', async () => {
    const job = await jobWith({ limit: 1 });
    const run = newRun(job);
    await attempt(job, run, 1);
    await store.updateJob({ ...job, spec: { ...job.spec, suspend: true }, now: clock() });
    await elect();
    assert.equal((await take(job, run)).attempt, 2);
  });

  it('retries nothing whose end was asked for', async () => {
    const job = await jobWith({ limit: 1 });
    const run = newRun(job);
    const value = encode({ v: 1, run, requestedAt: clock(), by: 'ada' });
    await coordinator.transact([{ verb: 'set', key: killerPath(jobKey(job), run), value }]);
    await attempt(job, run, 1, { outcome: 'Lost' });
    await elect();
    await decided(run);
    assert.equal((await get(run)).state, 'Lost');
  });

  it('ends the run as it was when its retry finds no worker in time', async () => {
    const job = await jobWith({ limit: 1 }, { startingDeadlineSeconds: 1 });
    const run = newRun(job);
    await attempt(job, run, 1);
    await elect();
    const row = await eventually('the end', async () => {
      const one = await get(run);
      return one.reason !== undefined && one;
    });
    assert.deepEqual([row.state, row.attempt, row.reason], ['Failed', 1, 'NoEligibleWorker']);
    assert.match(row.message ?? '', /^attempt 2 was not started: no ready worker/);
    assert.equal(await triggerOf(job, run), undefined);
  });

  it('leaves an earlier attempt’s adoption to be dropped first, and then asks', async () => {
    const job = await jobWith({ limit: 1 });
    const run = newRun(job);
    await attempt(job, run, 1);
    const adoption: TriggerRecord = {
      v: 1,
      run,
      attempt: 1,
      jobUid: job.uid,
      kind: 'manual',
      deadline: clock() + 60_000,
      requestedAt: clock(),
      epoch: 1,
      by: 'worker-1',
      adopts: { handovers: 1, since: clock(), revision: 1, lock: 'cron/lock/default/x/0' },
    };
    const key = triggerPath(jobKey(job), run);
    await coordinator.transact([{ verb: 'set', key, value: encode(adoption) }]);
    await elect();
    const trigger = await eventually('the retry', async () => {
      const found = await triggerOf(job, run);
      return found?.attempt === 2 && found;
    });
    assert.equal(trigger.kind, 'retry');
  });
});
