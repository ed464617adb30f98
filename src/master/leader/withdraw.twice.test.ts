import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { makeJob } from '../../../test/support/leader.ts';
import { testOffice } from '../../../test/support/office.ts';
import { publishedPath, triggerPath } from '../../coordination/keys.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { type EpochRecord, encode } from '../../coordination/records.ts';
import { type Job, jobKey } from '../../domain/job/job.ts';
import { manualRunId } from '../../domain/run/run.ts';
import { silentLogger } from '../../observability/logger.ts';
import { openPgliteStore } from '../../store/prisma/index.ts';
import type { NewRun, Store } from '../../store/store.ts';
import { Publisher } from '../services/publisher.ts';
import type { Office } from './office.ts';
import { withdraw } from './withdraw.ts';

describe('withdrawing pending runs', () => {
  let store: Store;
  let coordinator: MemoryCoordinator;
  let publisher: Publisher;
  let office: Office;
  let job: Job;

  before(async () => {
    store = await openPgliteStore();
    await store.migrate();
    coordinator = new MemoryCoordinator();
    publisher = new Publisher({ coordinator, store, logger: silentLogger });
    job = await makeJob(store, 'job', '2026-03-01T12:00:00Z');
    const epoch: EpochRecord = { v: 1, number: 1, floor: 0, beat: 1, leader: 'm', at: 0 };
    await coordinator.transact([{ verb: 'set', key: 'cron/epoch', value: encode(epoch) }]);
    office = testOffice(coordinator, store);
  });
  after(async () => {
    await coordinator.close();
    await store.close();
  });

  async function ask(random: string): Promise<NewRun> {
    const run: NewRun = {
      id: manualRunId(job.uid, random),
      jobUid: job.uid,
      namespace: job.namespace,
      name: job.name,
      trigger: 'manual',
      revision: 1,
      requestedAt: Date.now(),
      deadline: Date.now() + 60_000,
      by: 'test',
    };
    await store.createRun(run);
    return run;
  }
  const triggerOf = (run: NewRun) => coordinator.get(triggerPath(jobKey(job), run.id));

  it('gives the same answer when it is carried out again, and nothing publishes them after it', async () => {
    const never = await ask('never');
    const written = await ask('written');
    await publisher.publishTrigger(written);
    // The first answer may have been lost on its way, or the database's after it.
    for (let time = 0; time < 3; time++) {
      assert.deepEqual(await withdraw(office, [never, written]), [never, written], `time ${time}`);
    }
    await publisher.publishTrigger(never);
    await publisher.publishTrigger(written);
    assert.equal(await triggerOf(never), undefined);
    assert.equal(await triggerOf(written), undefined);
  });

  it('leaves out what a worker has claimed, whether the database was told of its trigger or not', async () => {
    const claimed = await ask('claimed');
    await publisher.publishTrigger(claimed);
    await coordinator.transact([{ verb: 'delete', key: triggerPath(jobKey(job), claimed.id) }]);
    assert.deepEqual(await withdraw(office, [claimed]), []);
    // Consul was emptied since: the mark is gone, the database knows.
    await coordinator.transact([{ verb: 'delete', key: publishedPath(claimed.id) }]);
    assert.deepEqual(await withdraw(office, [claimed]), []);
    assert.equal(await coordinator.get(publishedPath(claimed.id)), undefined);
  });
});
