import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { clockFrom, makeJob, quick, registerWorker, skipsOf, TestMaster } from '../../../test/support/leader.ts';
import { eventually } from '../../../test/support/process.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { openPgliteStore } from '../../store/prisma/index.ts';
import type { Store } from '../../store/store.ts';

describe('a leader whose clock is set', () => {
  let store: Store;
  let coordinator: MemoryCoordinator;

  before(async () => {
    store = await openPgliteStore();
    await store.migrate();
    coordinator = new MemoryCoordinator();
    await registerWorker(coordinator, 'worker-1');
  });
  after(async () => {
    await coordinator.close();
    await store.close();
  });

  it('steps down before it decides a tick of the hour that it believes in', async t => {
    const real = clockFrom('2026-03-01T12:05:20Z');
    let moved = 0;
    // The guard is asked long before its own turn in the leader's round comes.
    const timing = { ...quick, beatEvery: 60_000 };
    const clock = () => real() + moved;
    const master = new TestMaster({ coordinator, store, clock }, { timing, clockOk: () => moved === 0 });
    t.after(() => master.stop());
    const job = await makeJob(store, 'each-minute', '2026-03-01T12:00:00Z');
    await master.start();
    await eventually('what was missed is recorded', async () => (await skipsOf(store, job)).length > 0);
    moved = 3_600_000;
    await eventually('it does not lead', async () => !master.leader.leading);
    await sleep(500);
    const skips = await skipsOf(store, job);
    assert.deepEqual(
      skips.filter(({ to }) => to > real()),
      [],
    );
  });
});
