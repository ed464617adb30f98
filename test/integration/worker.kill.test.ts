import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killerPath, triggerPath } from '../../src/coordination/keys.ts';
import { encode, type KillRecord, type TriggerRecord } from '../../src/coordination/records.ts';
import { manualRunId } from '../../src/domain/run/run.ts';
import { loneWorker } from '../support/lone-worker.ts';
import { makeJob, publishJobs, until } from '../support/workers.ts';

test('a run that was killed while it waited for a worker is never started', async t => {
  const { coordinator, ledger, worker } = await loneWorker(t);
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
});
