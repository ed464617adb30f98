import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { clockFrom, cursorOf, makeJob, skipsOf, TestMaster } from '../../../test/support/leader.ts';
import { eventually } from '../../../test/support/process.ts';
import { cursorPath, jobPath, triggerPath } from '../../coordination/keys.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { type CursorRecord, decode, encode, type JobRecord, type TriggerRecord } from '../../coordination/records.ts';
import { type Job, jobKey } from '../../domain/job/job.ts';
import type { JobSpecInput } from '../../domain/job/spec.ts';
import type { FinishedReport } from '../../domain/run/report.ts';
import { manualRunId, type Outcome, type RunId, tickRunId, type WorkerId } from '../../domain/run/run.ts';
import type { Instant } from '../../domain/time.ts';
import { openPgliteStore } from '../../store/prisma/index.ts';
import type { Run, Store } from '../../store/store.ts';

const day = '2026-03-01T12:00:00Z';
const worker = 'worker-1' as WorkerId;
const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

describe('what follows from the end of runs, by the leader', () => {
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
    await eventually('a leader', () => masters.some(({ leader }) => leader.leading));
    return master;
  };
  const create = (spec: Partial<JobSpecInput> = {}): Promise<Job> =>
    makeJob(store, `job-${made++}`, day, { schedule: '@manually', ...spec });
  /** Reports an attempt of a run from claim to end, as its worker does. */
  const attempt = async (job: Job, run: RunId, about: Partial<FinishedReport> = {}): Promise<RunId> => {
    const at = clock();
    const { uid: jobUid, namespace, name } = job;
    const { attempt: number = 1, trigger = 'manual', tick } = about;
    const reference = { run, attempt: number, jobUid, namespace, name, trigger, ...(tick && { tick }), at } as const;
    await store.applyReports(
      worker,
      [
        { ...reference, type: 'claimed', fencingToken: String(2 ** 40 + number), revision: 1 },
        { ...reference, type: 'started', pid: 1 },
        { ...reference, type: 'finished', outcome: 'Succeeded', ...about },
      ],
      at,
    );
    return run;
  };
  const end = (job: Job, outcome: Outcome = 'Succeeded'): Promise<RunId> =>
    attempt(job, manualRunId(job.uid, `${made++}`.padStart(10, 'a')), { outcome });
  const runsOf = async ({ namespace, name }: Job): Promise<readonly Run[]> =>
    (await store.listRuns({ namespace, name, limit: 100 })).items;
  const get = async ({ namespace, name }: Job): Promise<Job> => {
    const job = await store.getJob(namespace, name);
    assert.ok(job);
    return job;
  };
  const pausedOf = (job: Job) => eventually('a pause', async () => (await get(job)).paused);
  const published = async (job: Job): Promise<JobRecord> => {
    const entry = await coordinator.get(jobPath(jobKey(job)));
    assert.ok(entry);
    return decode<JobRecord>(entry);
  };

  describe('chains', () => {
    it('write a trigger for the run that follows, once, whoever leads', async () => {
      const [a, b] = [await create(), await create()];
      const both = await create({ after: [{ job: a.name }, { job: b.name, outcome: 'Failure' }] });
      await elect();
      const first = await end(a);
      await pause(300);
      assert.deepEqual(await runsOf(both), []);
      const second = await end(b, 'Failed');
      const [run] = await eventually('the chained run', async () => {
        const runs = await runsOf(both);
        return runs.length > 0 && runs;
      });
      assert.ok(run);
      assert.deepEqual([run.trigger, run.state, run.upstream, run.chain], ['chain', 'Pending', [first, second], first]);
      const trigger = await eventually('its trigger', () => coordinator.get(triggerPath(jobKey(both), run.id)));
      const record = decode<TriggerRecord>(trigger);
      assert.deepEqual([record.kind, record.attempt, record.deadline], ['chain', 1, run.requestedAt + 300_000]);
      // The next leader is told the last ends again.
      await masters[0]?.stop();
      await elect();
      await end(a);
      await pause(500);
      assert.equal((await runsOf(both)).length, 1);
    });

    it('follow a final end only: a retried run counts once', async () => {
      const a = await create({ retry: { limit: 1, backoff: { initialSeconds: 0.2, jitter: 0 } } });
      const next = await create({ after: [{ job: a.name, outcome: 'Always' }] });
      await elect();
      const run = await end(a, 'Failed');
      await eventually('the second attempt', async () => (await store.getRun(run))?.nextAttemptAt !== undefined);
      await pause(400);
      assert.deepEqual(await runsOf(next), []);
      await attempt(a, run, { attempt: 2, outcome: 'Succeeded' });
      const [made] = await eventually('what follows', async () => {
        const runs = await runsOf(next);
        return runs.length > 0 && runs;
      });
      assert.deepEqual(made?.upstream, [run]);
    });

    it('go on through skipped runs, and are in force for jobs made and changed while it leads', async () => {
      const master = await elect();
      const a = await create();
      const b = await create({ after: [{ job: a.name }] });
      const c = await create({ after: [{ job: b.name, outcome: 'Always' }] });
      await master.publisher.publish([a, b, c]);
      await end(a, 'Killed');
      const [skipped] = await eventually('the skipped run', async () => {
        const runs = await runsOf(b);
        return runs.length > 0 && runs;
      });
      assert.deepEqual(
        [skipped?.state, skipped?.reason, skipped?.message],
        ['Skipped', 'Upstream', `${a.name} ended as Killed, asked for is Success`],
      );
      const [last] = await eventually('the run after it', async () => {
        const runs = await runsOf(c);
        return runs.length > 0 && runs;
      });
      assert.deepEqual([last?.state, last?.upstream, last?.chain], ['Pending', [skipped?.id], skipped?.chain]);
    });
  });

  describe('pauses', () => {
    it('come after failures in a row, are published, and account for the ticks that follow', async () => {
      const job = await create({ schedule: '* * * * * *', startingDeadlineSeconds: 1, pauseAfterFailures: 3 });
      const master = await elect();
      await master.publisher.publish([job]);
      for (const outcome of ['Failed', 'Succeeded', 'Failed', 'Killed', 'TimedOut', 'Lost'] as const) {
        assert.equal((await get(job)).paused, undefined);
        await end(job, outcome);
        await pause(20);
      }
      const paused = await pausedOf(job);
      assert.equal(paused.reason, 'Failures');
      assert.match(paused.detail, /^3 runs in a row failed, the last one /);
      await eventually('the publication', async () => (await published(job)).paused?.reason === 'Failures');
      assert.equal((await published(job)).revision, 2);
      assert.match(await master.registry.metrics(), /cronmesh_jobs_paused_total\{reason="Failures"\} 1/);
      await pause(1_500);
      const { labels, annotations, spec, uid } = await get(job);
      const now = clock();
      await store.updateJob({ uid, labels, annotations, spec, revision: 2, floor: now, resume: true, now });
      await master.publisher.publish([job]);
      const skip = await eventually('the skip', async () =>
        (await skipsOf(store, job)).find(({ detail }) => detail.startsWith('paused: ')),
      );
      assert.deepEqual([skip.reason, skip.detail], ['Suspended', `paused: ${paused.detail}`]);
      assert.ok(skip.from > paused.at && skip.to <= now);
    });

    it('count a retried run once', async () => {
      const retry = { limit: 1, backoff: { initialSeconds: 0.1, jitter: 0 } };
      const job = await create({ pauseAfterFailures: 2, retry });
      await elect();
      for (let count = 1; count <= 2; count++) {
        const run = await end(job, 'Failed');
        await eventually('the second attempt', async () => (await store.getRun(run))?.nextAttemptAt !== undefined);
        await pause(300);
        assert.equal((await get(job)).paused, undefined, `after ${count} runs`);
        await attempt(job, run, { attempt: 2, outcome: 'Failed' });
      }
      await pausedOf(job);
    });

    it('come after the last run that maxRuns allows, and the ticks before the pause say so', async () => {
      const job = await create({
        schedule: '* * * * * *',
        startingDeadlineSeconds: 60,
        maxRuns: 2,
        misfirePolicy: 'RunAll',
      });
      const master = await elect();
      await master.publisher.publish([job]);
      const tick = Math.ceil((job.floor + 1) / 1_000) * 1_000;
      const count = async (at: Instant, runs: number): Promise<void> => {
        const key = cursorPath(jobKey(job));
        const before = await coordinator.get(key);
        const base = { v: 1, uid: job.uid, decision: 'run', worker } as const;
        const cursor: CursorRecord = {
          ...base,
          tick: at,
          run: tickRunId(job.uid, at),
          counted: { from: job.countsFrom, runs },
        };
        await coordinator.transact([{ verb: 'cas', key, value: encode(cursor), index: before?.index ?? 0 }]);
      };
      await eventually('the first two ticks', () => clock() > tick + 1_000);
      for (const [i, at] of [tick, tick + 1_000].entries()) {
        await count(at, i + 1);
        await attempt(job, tickRunId(job.uid, at), { tick: at, trigger: 'tick' });
      }
      const paused = await pausedOf(job);
      assert.deepEqual([paused.reason, paused.detail], ['RunLimit', 'it has had its 2 runs (maxRuns)']);
      await pause(1_200);
      const { labels, annotations, spec, uid, revision } = await get(job);
      const now = clock();
      await store.updateJob({ uid, labels, annotations, spec, revision, floor: now, resume: true, now });
      await master.publisher.publish([job]);
      const skips = await eventually('the skips', async () => {
        const found = await skipsOf(store, job);
        return (found.at(-1)?.to ?? 0) >= Math.floor(now / 1_000) * 1_000 && found;
      });
      assert.ok(
        skips.every(({ reason }) => reason === 'RunLimit'),
        JSON.stringify(skips),
      );
      assert.ok(skips.some(({ detail }) => detail === 'paused: it has had its 2 runs (maxRuns)'));
      assert.equal((await get(job)).countsFrom, now);
    });

    it('leave missed ticks beyond maxRuns, and count those that are run after all', async () => {
      // Made two minutes ago, and nobody claimed anything: the audit finds all of it.
      const floor = new Date(clock() - 120_000).toISOString();
      const job = await makeJob(store, `job-${made++}`, floor, {
        schedule: '*/10 * * * * *',
        maxRuns: 3,
        misfirePolicy: 'RunAll',
        misfireLimit: 50,
        startingDeadlineSeconds: 300,
      });
      const master = await elect();
      await master.publisher.publish([job]);
      const runs = await eventually('the catch-ups', async () => {
        const found = await runsOf(job);
        return found.length >= 3 && found;
      });
      assert.equal(runs.length, 3);
      assert.ok(runs.every(({ trigger }) => trigger === 'catchup'));
      assert.deepEqual((await cursorOf(coordinator, job))?.counted, { from: job.countsFrom, runs: 3 });
      const skips = await eventually('the skips', async () => {
        const found = await skipsOf(store, job);
        return found.length > 0 && found;
      });
      assert.deepEqual([...new Set(skips.map(({ reason }) => reason))], ['RunLimit']);
      // It is not paused while one of them still waits.
      assert.equal((await get(job)).paused, undefined);
      for (const run of runs) {
        const key = triggerPath(jobKey(job), run.id);
        await eventually('its trigger', () => coordinator.get(key));
        await coordinator.transact([{ verb: 'delete', key }]);
        await attempt(job, run.id, { trigger: 'catchup', ...(run.tick !== undefined && { tick: run.tick }) });
      }
      assert.equal((await pausedOf(job)).reason, 'RunLimit');
      assert.equal((await runsOf(job)).length, 3);
    });
  });
});
