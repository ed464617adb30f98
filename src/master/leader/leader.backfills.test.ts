import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { clockFrom, makeJob, quick, skipsOf, TestMaster } from '../../../test/support/leader.ts';
import { eventually } from '../../../test/support/process.ts';
import { prefix, publishedPath, triggerPath } from '../../coordination/keys.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { decode, type EpochRecord, type TriggerRecord } from '../../coordination/records.ts';
import { type Job, jobKey } from '../../domain/job/job.ts';
import { backfillId, backfillRunId, manualRunId, type RunId, type WorkerId } from '../../domain/run/run.ts';
import type { Backfill, NewBackfill } from '../../store/backfill.ts';
import { openPgliteStore } from '../../store/prisma/index.ts';
import type { NewRun, Store } from '../../store/store.ts';
import type { LeaderTiming } from './timing.ts';

const minute = 60_000;
/** When the masters' clock begins. */
const now = Date.parse('2026-03-01T12:00:20Z');
const from = Date.parse('2025-03-01T00:00:00Z');
const worker = 'worker-1' as WorkerId;
const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

describe('runs on request by the leader', () => {
  let store: Store;
  let coordinator: MemoryCoordinator;
  let clock: () => number;
  let masters: TestMaster[] = [];
  let made = 0;

  before(async () => {
    store = await openPgliteStore();
    await store.migrate();
  });
  beforeEach(async () => {
    coordinator = new MemoryCoordinator();
    clock = clockFrom(new Date(now + made * minute).toISOString());
  });
  afterEach(async () => {
    for (const master of masters) await master.stop();
    masters = [];
    await coordinator.close();
  });
  after(() => store.close());

  /** Nothing is lost for lack of a report, however busy the machine, unless the test is about that. */
  const patient = { ...quick, lostAfter: 600_000, quietAfter: 600_000 };
  const elect = async (timing: Partial<LeaderTiming> = patient): Promise<TestMaster> => {
    const parts = { coordinator, store, clock, master: `master-${masters.length}` };
    const master = await new TestMaster(parts, { timing }).start();
    masters.push(master);
    await eventually('it leads', () => master.leader.leading);
    return master;
  };
  const newJob = (spec: Parameters<typeof makeJob>[3] = {}): Promise<Job> =>
    makeJob(store, `job-${made++}`, new Date(clock()).toISOString(), { suspend: true, ...spec });
  const ask = async (job: Job, ticks: number, more: Partial<NewBackfill> = {}): Promise<Backfill> => {
    const { uid, namespace, name, anchor } = job;
    return await store.createBackfill({
      id: backfillId(uid, `aaaaa${made % 10}`),
      jobUid: uid,
      namespace,
      name,
      from,
      to: from + ticks * minute,
      parallelism: 1,
      order: 'OldestFirst',
      onlyMissing: true,
      total: ticks,
      schedule: { uid, namespace, name, anchor, spec: { schedule: '* * * * *' } },
      by: 'ada',
      at: clock(),
      ...more,
    });
  };
  const get = async ({ id }: Backfill): Promise<Backfill> => {
    const found = await store.getBackfill(id);
    assert.ok(found);
    return found;
  };
  const ended = (backfill: Backfill) =>
    eventually(
      'its end',
      async () => {
        const found = await get(backfill);
        return found.endedAt !== undefined && found;
      },
      60_000,
    );
  const triggers = async (job: Job): Promise<TriggerRecord[]> =>
    (await coordinator.list(`${prefix.trigger}${jobKey(job)}/`)).map(entry => decode<TriggerRecord>(entry));
  /** Claims a trigger and tells its end, as a worker does. */
  const carryOut = async (job: Job, trigger: TriggerRecord, outcome: 'Succeeded' | 'Failed' = 'Succeeded') => {
    await coordinator.transact([{ verb: 'delete', key: triggerPath(jobKey(job), trigger.run) }]);
    const { uid: jobUid, namespace, name } = job;
    const { run, attempt, tick } = trigger;
    const about = { run, attempt, jobUid, namespace, name, trigger: trigger.kind, at: clock(), ...(tick && { tick }) };
    await store.applyReports(
      worker,
      [
        { ...about, type: 'claimed', fencingToken: String(2 ** 40 + attempt), revision: 1 },
        { ...about, type: 'finished', outcome },
      ],
      clock(),
    );
  };
  /** Carries out whatever is asked for, until told to stop; gives the ticks in the order of their starts. */
  const work = (job: Job, most: number) => {
    const taken: number[] = [];
    let over = false;
    const working = (async () => {
      while (!over) {
        const waiting = await triggers(job);
        assert.ok(waiting.length <= most, `${waiting.length} at once`);
        for (const trigger of waiting) {
          taken.push(trigger.tick ?? 0);
          await carryOut(job, trigger);
        }
        await pause(10);
      }
    })();
    const stop = async () => {
      over = true;
      await working;
      return taken.map(tick => (tick - from) / minute);
    };
    return { taken, stop };
  };
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

  it('makes the runs of a backfill in order, each once, through three leaders', async () => {
    const job = await newJob();
    const backfill = await ask(job, 12);
    const worked = work(job, 1);
    for (const count of [3, 7]) {
      const master = await elect();
      await eventually(`${count} ticks`, () => worked.taken.length >= count);
      await master.stop();
    }
    await elect();
    const { state, counts, open } = await ended(backfill);
    assert.deepEqual([state, counts, open], ['Done', { succeeded: 12, failed: 0, skipped: 0, leftOut: 0 }, []]);
    assert.deepEqual(await worked.stop(), upTo(12));
  });

  it('keeps to its parallelism, retries included, and leaves out what has a run', async () => {
    const backoff = { initialSeconds: 0.1, jitter: 0 };
    const job = await newJob({ retry: { limit: 1, backoff } });
    const own = { jobUid: job.uid, namespace: 'default', name: job.name, trigger: 'manual' } as const;
    const missing = { requestedAt: clock(), deadline: clock() + minute, by: 'x', revision: 1 };
    const there = manualRunId(job.uid, 'bbbbbbbbbb');
    await store.createRun({ ...own, ...missing, id: there, tick: from + 2 * minute });
    await store.cancelRun(there, 'never ran', clock());
    await store.applyReports(
      worker,
      [
        {
          ...own,
          run: `${job.uid}-x` as RunId,
          attempt: 1,
          tick: from + minute,
          type: 'finished',
          at: clock(),
          outcome: 'Killed',
        },
      ],
      clock(),
    );
    const backfill = await ask(job, 5, { parallelism: 3, order: 'NewestFirst' });
    await elect();
    const seen: string[] = [];
    await eventually('the end', async () => {
      const waiting = await triggers(job);
      assert.ok((await get(backfill)).open.length <= 3);
      for (const trigger of waiting) {
        seen.push(`${((trigger.tick ?? 0) - from) / minute}/${trigger.attempt}`);
        await carryOut(job, trigger, trigger.tick === from ? 'Failed' : 'Succeeded');
      }
      return (await get(backfill)).endedAt !== undefined;
    });
    assert.deepEqual(seen.toSorted(), ['0/1', '0/2', '2/1', '3/1', '4/1']);
    assert.deepEqual(seen.slice(0, 3).toSorted(), ['2/1', '3/1', '4/1'], 'the newest come first');
    assert.deepEqual((await get(backfill)).counts, { succeeded: 3, failed: 1, skipped: 0, leftOut: 1 });
  });

  it('cancelled, takes back what waits, published or not, and lets go on what began', async () => {
    const job = await newJob();
    const backfill = await ask(job, 10, { parallelism: 3 });
    await elect();
    const waiting = await eventually('three triggers', async () => {
      const found = await triggers(job);
      return found.length === 3 && found;
    });
    const [first] = waiting;
    assert.ok(first);
    await coordinator.transact([{ verb: 'delete', key: triggerPath(jobKey(job), first.run) }]);
    assert.equal(await store.cancelBackfill(backfill.id, 'enough'), true);
    await eventually('the others are taken back', async () => (await get(backfill)).counts.skipped === 2);
    assert.deepEqual([await triggers(job), (await get(backfill)).endedAt], [[], undefined]);
    await carryOut(job, first);
    assert.deepEqual((await ended(backfill)).counts, { succeeded: 1, failed: 0, skipped: 2, leftOut: 0 });
    const rows = await store.getRuns(waiting.slice(1).map(({ run }) => run));
    assert.deepEqual(
      rows.map(({ state, reason }) => [state, reason]),
      [
        ['Skipped', 'Cancelled'],
        ['Skipped', 'Cancelled'],
      ],
    );
    assert.match(rows[0]?.message ?? '', /its backfill was cancelled: enough/);
  });

  it('ends with its job', async () => {
    const job = await newJob();
    const backfill = await ask(job, 10);
    await elect();
    await eventually('a trigger', async () => (await triggers(job)).length === 1);
    await store.deleteJob(job.uid, clock());
    const { state, message, counts } = await ended(backfill);
    assert.deepEqual([state, message, counts.skipped], ['Cancelled', 'the job was deleted', 1]);
  });

  it('goes on when Consul loses its past: what was asked for before is lost, and counts as ended', async () => {
    const job = await newJob();
    const backfill = await ask(job, 6, { parallelism: 2 });
    await elect({ ...patient, lostAfter: 3_000 });
    await eventually('two triggers', async () => (await triggers(job)).length === 2);
    coordinator.wipe();
    await eventually('they are lost', async () => (await get(backfill)).counts.failed === 2);
    const worked = work(job, 2);
    const { counts } = await ended(backfill);
    assert.deepEqual(counts, { succeeded: 4, failed: 2, skipped: 0, leftOut: 0 });
    assert.deepEqual((await worked.stop()).toSorted(), [2, 3, 4, 5]);
    const lost = await store.getRuns([0, 1].map(i => backfillRunId(backfill.id, from + i * minute)));
    assert.deepEqual(
      lost.map(({ state }) => state),
      ['Lost', 'Lost'],
    );
  });

  it('does not take a backfill’s run for the tick’s own: the audit still decides that', async () => {
    // Made long enough ago that its ticks are due for audit, and nobody ran them.
    const floor = clock() - 3 * minute;
    const job = await makeJob(store, `job-${made++}`, new Date(floor).toISOString(), { startingDeadlineSeconds: 1 });
    const tick = Math.ceil((floor + 1) / minute) * minute;
    const run: NewRun = {
      id: backfillRunId(backfillId(job.uid, 'zzzzzz'), tick),
      jobUid: job.uid,
      namespace: job.namespace,
      name: job.name,
      trigger: 'backfill',
      tick,
      revision: 1,
      requestedAt: clock(),
      deadline: clock() + minute,
      by: 'ada',
    };
    await store.createRun(run);
    await elect(quick);
    const skips = await eventually('a skip', async () => {
      const found = await skipsOf(store, job);
      return found.some(skip => skip.from <= tick && tick <= skip.to) && found;
    });
    assert.equal(skips[0]?.from, tick);
    assert.equal((await store.getRun(run.id))?.trigger, 'backfill');
  });

  const delayed = async (job: Job, due: number): Promise<NewRun> => {
    const run: NewRun = {
      id: manualRunId(job.uid, `${made++}`.padStart(10, 'c')),
      jobUid: job.uid,
      namespace: job.namespace,
      name: job.name,
      trigger: 'manual',
      revision: 1,
      requestedAt: due,
      askedAt: clock(),
      deadline: due + minute,
      by: 'ada',
      particulars: { arguments: ['x'], env: { A: 'y' } },
    };
    await store.createRun(run);
    return run;
  };

  it('publishes a delayed run when it is due, and not before; Consul losing its past in between loses it not', async () => {
    const job = await newJob();
    await elect();
    const run = await delayed(job, clock() + 3_000);
    await pause(500);
    assert.deepEqual(await triggers(job), []);
    const before = await eventually('an epoch', () => coordinator.get('cron/epoch'));
    coordinator.wipe();
    const trigger = await eventually('the trigger', async () => {
      const [found] = await triggers(job);
      return found !== undefined && found;
    });
    assert.ok(clock() >= run.requestedAt, 'not before');
    assert.deepEqual(
      [trigger.run, trigger.epoch, trigger.requestedAt, trigger.deadline, trigger.particulars],
      [run.id, decode<EpochRecord>(before).number + 1, run.requestedAt, run.deadline, run.particulars],
    );
    assert.equal((await store.getRun(run.id))?.state, 'Pending');
  });

  it('never publishes one that was cancelled, not even by a master who read it before', async () => {
    const job = await newJob();
    const master = await elect();
    const run = await delayed(job, clock() + 1_000);
    const row = await store.getRun(run.id);
    assert.ok(row);
    await eventually('an epoch', () => coordinator.get('cron/epoch'));
    assert.equal(await master.publisher.withdraw(row, run.deadline), true);
    assert.equal(await master.publisher.withdraw(row, run.deadline), true, 'once more');
    // Between Consul and the database the run is due, and a master that read it before writes its trigger.
    await pause(1_500);
    await master.publisher.publishTriggers([{ ...run, dueAt: run.requestedAt, attempt: 1, published: false }]);
    assert.deepEqual(await triggers(job), []);
    assert.equal(await store.cancelRun(run.id, 'cancelled by ada', clock()), true);
    assert.ok(await coordinator.get(publishedPath(run.id)));
    const written = await delayed(job, clock());
    await eventually('its trigger', async () => (await triggers(job)).length === 1);
    const second = await store.getRun(written.id);
    assert.ok(second);
    assert.equal(await master.publisher.withdraw(second, written.deadline), false);
  });
});
