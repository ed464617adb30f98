import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { makeJob } from '../../../test/support/leader.ts';
import { testOffice } from '../../../test/support/office.ts';
import { publishedPath } from '../../coordination/keys.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { encode } from '../../coordination/records.ts';
import type { Job } from '../../domain/job/job.ts';
import { tickRunId, type WorkerId } from '../../domain/run/run.ts';
import { openPgliteStore } from '../../store/prisma/index.ts';
import type { NewRun, Store } from '../../store/store.ts';
import { Catchups } from './catchups.ts';

const policy = { misfirePolicy: 'RunAll', misfireLimit: 2 } as const;

describe('runs after all, by their policy’s number', () => {
  let store: Store;
  let coordinator: MemoryCoordinator;
  let catchups: Catchups;
  let job: Job;
  let first: Job;

  before(async () => {
    store = await openPgliteStore();
    await store.migrate();
    coordinator = new MemoryCoordinator();
    job = await makeJob(store, 'job', '2026-03-01T12:00:00Z');
    await store.nextTerm('scheduler', 'master');
    catchups = new Catchups(testOffice(coordinator, store));
  });
  after(async () => {
    await coordinator.close();
    await store.close();
  });

  const now = Date.now();
  const runOf = (tick: number): NewRun => ({
    id: tickRunId(job.uid, now + tick * 1_000),
    jobUid: job.uid,
    namespace: job.namespace,
    name: job.name,
    trigger: 'catchup',
    tick: now + tick * 1_000,
    revision: 1,
    requestedAt: now,
    deadline: now + 60_000,
    by: 'misfire RunAll',
  });
  const add = async (ticks: readonly number[]) => {
    for (const tick of ticks) await store.createRun(runOf(tick));
    await catchups.added(ticks.map(tick => ({ run: runOf(tick), policy })));
  };
  const states = async (ticks: readonly number[]) => {
    const rows = await store.getRuns(ticks.map(tick => runOf(tick).id));
    return ticks.map(tick => rows.find(({ id }) => id === runOf(tick).id)?.state);
  };

  const claim = async (tick: number, at = now + 100_000) => {
    const { id: run, jobUid, namespace, name, trigger, tick: due = 0 } = runOf(tick);
    const reference = { run, attempt: 1, jobUid, namespace, name, trigger, tick: due };
    const claimed = { ...reference, type: 'claimed', at, fencingToken: '1', revision: 1 } as const;
    await store.applyReports('worker-1' as WorkerId, [claimed], now);
  };

  it('counts one that began after the number was decided', async () => {
    await add([1, 2]);
    await claim(1);
    await add([3]);
    assert.deepEqual(await states([1, 2, 3]), ['Claimed', 'Skipped', 'Pending']);
  });

  it('leaves alone what began before the next tick was due: that is another row', async () => {
    const other = await makeJob(store, 'other', '2026-03-01T12:00:00Z');
    [job, first] = [other, job];
    await add([1]);
    await claim(1, now + 2_500);
    await add([3, 4]);
    assert.deepEqual(await states([1, 3, 4]), ['Claimed', 'Pending', 'Pending']);
    job = first;
  });

  it('goes on with the same row at the next look, of many ticks at once', async () => {
    await add([4, 5, 6]);
    assert.deepEqual(await states([1, 3, 4, 5, 6]), ['Claimed', 'Skipped', 'Skipped', 'Skipped', 'Pending']);
  });

  it('keeps rows apart that are found together: the run between them ends the first, and excuses none of it', async () => {
    const other = await makeJob(store, 'rows', '2026-03-01T12:00:00Z');
    [job, first] = [other, job];
    await add([1, 2]);
    const { id: run, jobUid, namespace, name } = runOf(5);
    const ran = { run, attempt: 1, jobUid, namespace, name, trigger: 'tick', tick: now + 5_000 } as const;
    const claimed = { ...ran, type: 'claimed', at: now + 5_000, fencingToken: '1', revision: 1 } as const;
    await store.applyReports('worker-1' as WorkerId, [claimed], now);
    await add([3, 4, 6, 7]);
    assert.deepEqual(await states([1, 2, 3, 4]), ['Skipped', 'Skipped', 'Pending', 'Pending']);
    assert.deepEqual(await states([6, 7]), ['Pending', 'Pending']);
    job = first;
  });

  it('takes one that a worker has, and has not told of yet, for begun', async () => {
    const { id } = runOf(6);
    // It was published, and its trigger is gone: somebody claimed it.
    await coordinator.transact([
      { verb: 'cas', key: publishedPath(id), value: encode({ v: 1, deadline: now + 60_000 }), index: 0 },
    ]);
    await store.markRunsPublished([id]);
    await add([7, 8]);
    assert.deepEqual(await states([6, 7, 8]), ['Pending', 'Skipped', 'Skipped']);
  });
});
