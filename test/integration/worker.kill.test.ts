import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killerPath, triggerPath } from '../../src/coordination/keys.ts';
import { MemoryCoordinator } from '../../src/coordination/memory/memory.ts';
import { encode, type KillRecord, type TriggerRecord } from '../../src/coordination/records.ts';
import { manualRunId } from '../../src/domain/run/run.ts';
import { EpochStandIn, Ledger, makeJob, makeWorker, publishJobs, until } from '../support/workers.ts';

test('a run that was killed while it waited for a worker is never started', async () => {
  const coordinator = new MemoryCoordinator();
  const epoch = new EpochStandIn(coordinator);
  await epoch.start();
  const ledger = new Ledger();
  const { worker } = makeWorker(coordinator, ledger, { name: 'worker' });
  try {
    const job = makeJob('manual', { schedule: '@manually' });
    const run = manualRunId(job.uid, 'abc');
    const kill: KillRecord = { v: 1, run, requestedAt: Date.now(), by: 'a user' };
    const now = Date.now();
    const asked = {
      run,
      attempt: 1,
      jobUid: job.uid,
      kind: 'manual',
      requestedAt: now,
      epoch: 1,
      by: 'a user',
    } as const;
    const trigger: TriggerRecord = { v: 1, ...asked, deadline: now + 60_000 };
    await publishJobs(coordinator, [job]);
    await coordinator.transact([
      { verb: 'set', key: killerPath('default/manual', run), value: encode(kill) },
      { verb: 'set', key: triggerPath('default/manual', run), value: encode(trigger) },
    ]);
    await worker.start();
    const finished = await until('its end', () => ledger.finished(run));
    assert.equal(finished.outcome, 'Killed');
    assert.match(finished.message ?? '', /a user/);
    assert.deepEqual(ledger.starts, []);
  } finally {
    await worker.stop();
    await epoch.stop();
    await coordinator.close();
  }
});
