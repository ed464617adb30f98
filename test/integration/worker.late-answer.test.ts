import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { triggerPath } from '../../src/coordination/keys.ts';
import { encode, type TriggerRecord } from '../../src/coordination/records.ts';
import { manualRunId } from '../../src/domain/run/run.ts';
import { loneWorker } from '../support/lone-worker.ts';
import { makeJob, publishJobs, until } from '../support/workers.ts';

for (const [how, answeredAfter, ends] of [
  ['soon after it starts', 300, 'Succeeded'],
  ['too long after it is given up', 1_300, 'Lost'],
] as const) {
  test(`a run that was claimed before its starting deadline and answered ${how}`, async t => {
    const { coordinator, ledger, worker } = await loneWorker(t);
    const job = makeJob('manual', { schedule: '@manually' });
    const run = manualRunId(job.uid, 'abc');
    const key = triggerPath('default/manual', run);
    await publishJobs(coordinator, [job]);
    await worker.start();
    await until('it is ready', () => worker.status().ready);
    const deadline = Date.now() + 2_000;
    const asked = { run, attempt: 1, jobUid: job.uid, kind: 'manual', epoch: 1, by: 'a user' } as const;
    const trigger: TriggerRecord = { v: 1, ...asked, requestedAt: Date.now(), deadline };
    const transact = coordinator.transact.bind(coordinator);
    coordinator.transact = async (operations, signal) => {
      const answer = await transact(operations, signal);
      const isClaim = operations.some(one => one.verb.startsWith('delete') && 'key' in one && one.key === key);
      if (isClaim) await delay(deadline + answeredAfter - Date.now());
      return answer;
    };
    await transact([{ verb: 'set', key, value: encode(trigger) }]);
    const finished = await until('its end', () => ledger.finished(run));
    assert.equal(finished.outcome, ends);
    assert.equal(ledger.starts.length, ends === 'Lost' ? 0 : 1);
    if (ends === 'Lost') assert.match(finished.message ?? '', /before the outcome of its claim was known/);
  });
}
