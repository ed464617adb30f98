import assert from 'node:assert/strict';
import { it } from 'node:test';
import { epochKey } from '../../src/coordination/keys.ts';
import { MemoryCoordinator } from '../../src/coordination/memory/memory.ts';
import { EpochStandIn, Ledger, makeJob, makeWorker, publishJobs, until } from '../support/workers.ts';

it('a newcomer starts no tick of before it came: a past that it never saw may have been lost', async () => {
  const coordinator = new MemoryCoordinator();
  const ledger = new Ledger();
  let epoch = new EpochStandIn(coordinator);
  await epoch.start();
  const first = makeWorker(coordinator, ledger, { name: 'worker-0' });
  await first.worker.start();
  const jobs = Array.from({ length: 10 }, (_, i) => makeJob(`every-${i}`, { schedule: '* * * * * *' }));
  await publishJobs(coordinator, jobs);
  await until('starts', () => ledger.starts.length >= 10);
  // The leader is gone, and with it whoever would notice.
  await epoch.stop();
  // It waits for a beat, and knows the jobs already.
  const second = makeWorker(coordinator, ledger, { name: 'worker-1' });
  await second.worker.start();
  const snapshot = coordinator.snapshot();
  const then = ledger.starts.length;
  await until('starts that the snapshot does not know', () => ledger.starts.length >= then + 20);
  first.coordinator.cut();
  first.supervisor.die();
  coordinator.restore(snapshot);
  coordinator.overrideCheck(`${first.id}:alive`, 'critical');
  const restoredAt = Date.now();
  epoch = await EpochStandIn.goOn(coordinator);
  await epoch.start();
  await until('its starts', () => ledger.starts.filter(({ worker }) => worker === second.id).length >= 20);
  first.coordinator.bury();
  await Promise.all([first, second].map(({ worker }) => worker.stop()));
  await epoch.stop();
  assert.ok(await coordinator.get(epochKey));
  await coordinator.close();
  assert.deepEqual(ledger.startedTwice(), []);
  const own = ledger.starts.filter(({ worker }) => worker === second.id);
  assert.ok(own.every(({ request }) => Date.parse(request.env.CRONMESH_TICK ?? '') > restoredAt));
});

it('a newcomer leaves no tick behind that a worker without room still holds', async () => {
  const coordinator = new MemoryCoordinator();
  const ledger = new Ledger();
  const epoch = new EpochStandIn(coordinator);
  await epoch.start();
  const first = makeWorker(coordinator, ledger, { name: 'worker-0', capacity: 1, duration: () => 60_000 });
  await first.worker.start();
  const full = makeJob('full', { schedule: '* * * * * *', concurrencyPolicy: 'Forbid' });
  await publishJobs(coordinator, [full]);
  await until('it has no room', () => ledger.starts.length === 1);
  const jobs = Array.from({ length: 10 }, (_, i) => makeJob(`every-${i}`, { schedule: '* * * * * *' }));
  await publishJobs(coordinator, jobs);
  await until('its ticks wait', () => Date.now() > (jobs[0]?.floor ?? 0) + 4_000);
  const others = ['worker-1', 'worker-2'].map(name => makeWorker(coordinator, ledger, { name }));
  const gaps = new Set<string>();
  const end = Date.now() + 8_000;
  for (const one of others) {
    await one.worker.start();
    // In the middle of a second, so that there is a tick that the newcomer must leave alone.
    await until('a moment between ticks', () => Date.now() % 1_000 > 500);
  }
  while (Date.now() < end) {
    for (const { value } of await coordinator.list('cron/cursor/default/every-')) {
      for (const gap of (JSON.parse(value) as { gaps?: { from: number }[] }).gaps ?? []) gaps.add(`${gap.from}`);
    }
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  await Promise.all([first, ...others].map(({ worker }) => worker.stop()));
  await epoch.stop();
  await coordinator.close();
  assert.deepEqual([...gaps], []);
  assert.deepEqual(ledger.startedTwice(), []);
  assert.ok(ledger.starts.some(({ worker }) => worker !== first.id));
});
