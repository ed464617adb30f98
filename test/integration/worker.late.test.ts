import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoordinationError, type Coordinator, type Operation } from '../../src/coordination/coordinator.ts';
import { MemoryCoordinator } from '../../src/coordination/memory/memory.ts';
import { EpochStandIn, Ledger, makeJob, makeWorker, publishJobs, until } from '../support/workers.ts';

/** A coordinator whose transactions go through `transact`. */
function through(inner: Coordinator, transact: Coordinator['transact']): Coordinator {
  return new Proxy(inner, {
    get(target, name) {
      if (name === 'transact') return transact;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

test('a release or a hand-back that comes late, or again, never takes the lock of the next run in its slot', async () => {
  const memory = new MemoryCoordinator();
  const epoch = new EpochStandIn(memory);
  await epoch.start();
  const late: (readonly Operation[])[] = [];
  const coordinator = through(memory, async operations => {
    if (operations.some(({ verb }) => verb === 'unlock')) late.push(operations);
    return await memory.transact(operations);
  });
  const ledger = new Ledger();
  const { worker, supervisor } = makeWorker(coordinator, ledger, { name: 'worker', duration: () => 300 });
  try {
    await worker.start();
    await publishJobs(memory, [makeJob('forbid', { schedule: '* * * * * *', concurrencyPolicy: 'Forbid' })]);
    supervisor.refuse = 1;
    let tried = 0;
    for (let runs = 1; runs <= 4; runs++) {
      await until('the next run', () => ledger.starts.length >= runs);
      for (const operations of late) {
        tried++;
        assert.equal(
          (await memory.transact(operations)).ok,
          false,
          `it was carried out: ${JSON.stringify(operations)}`,
        );
      }
      const lock = await memory.get('cron/lock/default/forbid/0');
      assert.ok(lock?.session, 'the run has lost its lock');
    }
    assert.ok(tried >= 6);
  } finally {
    await worker.stop();
    await epoch.stop();
    await memory.close();
  }
});

test('a hand-back without an answer is found out: the run is started by another, and not called lost', async () => {
  const memory = new MemoryCoordinator();
  const epoch = new EpochStandIn(memory);
  await epoch.start();
  let unheard = 0;
  const coordinator = through(memory, async operations => {
    const answer = await memory.transact(operations);
    const handsBack = operations.some(one => one.verb === 'cas' && one.key.startsWith('cron/trigger/'));
    if (handsBack && unheard++ === 0) throw new CoordinationError('timed out', 'unknown');
    return answer;
  });
  const ledger = new Ledger();
  const { worker, supervisor } = makeWorker(coordinator, ledger, { name: 'worker' });
  try {
    await worker.start();
    supervisor.refuse = 1;
    await publishJobs(memory, [makeJob('once', { schedule: '* * * * * *' })]);
    await until('three runs', () => ledger.starts.length >= 3);
    assert.ok(unheard >= 1);
    assert.deepEqual(ledger.startedTwice(), []);
    const lost = ledger.reports
      .filter(report => report.type === 'finished')
      .filter(({ outcome }) => outcome === 'Lost');
    assert.deepEqual(lost, []);
  } finally {
    await worker.stop();
    await epoch.stop();
    await memory.close();
  }
});
