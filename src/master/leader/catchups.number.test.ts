import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { makeJob } from '../../../test/support/leader.ts';
import { testOffice } from '../../../test/support/office.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
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
  const add = async (ticks: readonly number[], row: readonly number[]) => {
    for (const tick of ticks) await store.createRun(runOf(tick));
    await catchups.add(ticks.map(tick => ({ run: runOf(tick), policy, row: row.map(one => runOf(one).id) })));
  };
  const states = async (ticks: readonly number[]) => {
    const rows = await store.getRuns(ticks.map(tick => runOf(tick).id));
    return ticks.map(tick => rows.find(({ id }) => id === runOf(tick).id)?.state);
  };

  it('counts one that began after the number was decided, and that is no longer known as waiting', async () => {
    await add([1, 2], [1, 2]);
    const begun = runOf(1);
    const { id: run, jobUid, namespace, name, trigger, tick = 0 } = begun;
    const reference = { run, attempt: 1, jobUid, namespace, name, trigger, tick };
    const claimed = { ...reference, type: 'claimed', at: now, fencingToken: '1', revision: 1 } as const;
    await store.applyReports('worker-1' as WorkerId, [claimed], now);
    // As each sweep of triggers does, between the look that decided tick 3 and its commit.
    catchups.load([runOf(2)]);
    await add([3], [1, 2, 3]);
    assert.deepEqual(await states([1, 2, 3]), ['Claimed', 'Skipped', 'Pending']);
  });
});
