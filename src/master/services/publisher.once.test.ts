import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { makeJob } from '../../../test/support/leader.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { type EpochRecord, encode } from '../../coordination/records.ts';
import { manualRunId } from '../../domain/run/run.ts';
import { silentLogger } from '../../observability/logger.ts';
import { openPgliteStore } from '../../store/prisma/index.ts';
import type { Store } from '../../store/store.ts';
import { PublicationWatch } from './publication-watch.ts';
import { Publisher } from './publisher.ts';

describe('publisher', () => {
  let store: Store;
  const logger = silentLogger;
  const floor = '2026-03-01T12:00:00Z';

  before(async () => {
    store = await openPgliteStore();
    await store.migrate();
  });
  after(() => store.close());

  it('publishes what was committed, forgets the outbox, and does not write what is there', async () => {
    const coordinator = new MemoryCoordinator();
    const publisher = new Publisher({ coordinator, store, logger });
    const jobs = await Promise.all(['a', 'b', 'c'].map(name => makeJob(store, name, floor)));
    await Promise.all(jobs.map(job => publisher.publish([job])));
    const first = await coordinator.list('cron/jobs/');
    assert.equal(first.length, 3);
    assert.equal(new Set(first.map(({ index }) => index)).size, 1, 'calls that come together are one transaction');
    assert.deepEqual(await store.pendingPublications(10), []);
    await publisher.publish(jobs);
    assert.deepEqual(await coordinator.list('cron/jobs/'), first);
    const [gone] = jobs;
    assert.ok(gone);
    await store.deleteJob(gone.uid, Date.now());
    await publisher.sweep(new AbortController().signal);
    assert.equal((await coordinator.list('cron/jobs/')).length, 2);
    await publisher.stop();
    await coordinator.close();
  });

  it('leaves to the sweep what Consul did not take, and says how long it has waited', async () => {
    const coordinator = new MemoryCoordinator();
    let now = 1_000;
    const publisher = new Publisher({ coordinator, store, logger });
    const watch = new PublicationWatch({ store, logger, clock: () => now });
    await watch.look();
    assert.equal(watch.lag, 0);
    const job = await makeJob(store, 'later', floor);
    await watch.look();
    await coordinator.close();
    await assert.rejects(publisher.publish([job]));
    await assert.rejects(publisher.sweep(new AbortController().signal));
    now = 5_000;
    await watch.look();
    assert.equal(watch.lag, 4_000);
    const rows = await store.pendingPublications(10);
    assert.equal(rows.length, 1);
    await store.publicationsDone(rows);
    await watch.look();
    assert.equal(watch.lag, 0);
    await publisher.stop();
  });

  it('never writes a trigger a second time once it was there, whatever the database was told', async () => {
    const coordinator = new MemoryCoordinator();
    const epoch: EpochRecord = { v: 1, number: 3, floor: 0, beat: 1, leader: 'm', at: 0 };
    let failures = 1;
    const flaky: Store = new Proxy(store, {
      get: (target, name, receiver) =>
        name === 'markRunsPublished' && failures-- > 0
          ? () => Promise.reject(new Error('the database is away'))
          : Reflect.get(target, name, receiver),
    });
    const publisher = new Publisher({ coordinator, store: flaky, logger });
    const job = await makeJob(store, 'once', floor);
    const id = manualRunId(job.uid, 'abc');
    const asked = { jobUid: job.uid, namespace: 'default', name: 'once', trigger: 'manual', revision: 1 } as const;
    const run = { ...asked, id, requestedAt: Date.now(), deadline: Date.now() + 60_000, by: 'test' };
    await store.createRun(run);
    await assert.rejects(publisher.publishTrigger(run), /no epoch/);
    await coordinator.transact([{ verb: 'set', key: 'cron/epoch', value: encode(epoch) }]);
    await assert.rejects(publisher.publishTrigger(run), /away/);
    const key = `cron/trigger/default/once/${id}`;
    const trigger = await coordinator.get(key);
    assert.equal(JSON.parse(trigger?.value ?? '{}').epoch, 3);
    // A worker claims it before the database knows that it was published.
    await coordinator.transact([{ verb: 'delete-cas', key, index: trigger?.index ?? 0 }]);
    await publisher.publishTrigger(run);
    assert.equal(await coordinator.get(key), undefined);
    assert.equal((await store.pendingRuns(10)).find(one => one.id === id)?.published, true);
    // A master that was stopped between its reading of the database and its writing.
    await publisher.publishTriggers([{ ...run, dueAt: run.requestedAt, attempt: 1, published: false }]);
    assert.equal(await coordinator.get(key), undefined);
    await publisher.stop();
    await coordinator.close();
  });

  it('does not write the trigger of a run that may have been started in a past that Consul lost', async () => {
    const coordinator = new MemoryCoordinator();
    const publisher = new Publisher({ coordinator, store, logger });
    const job = await makeJob(store, 'before', floor);
    const now = Date.now();
    const epoch: EpochRecord = { v: 1, number: 2, floor: now, beat: 9, leader: 'm', at: now };
    await coordinator.transact([{ verb: 'set', key: 'cron/epoch', value: encode(epoch) }]);
    const asked = { jobUid: job.uid, namespace: 'default', name: 'before', trigger: 'manual', revision: 1 } as const;
    for (const [random, requestedAt] of [['old', now - 30_000] as const, ['new', now - 10_000] as const]) {
      const id = manualRunId(job.uid, random);
      await publisher.publishTrigger({ ...asked, id, requestedAt, deadline: now + 60_000, by: 'test' });
    }
    const keys = await coordinator.keys('cron/trigger/');
    assert.deepEqual(keys, [`cron/trigger/default/before/${manualRunId(job.uid, 'new')}`]);
    await publisher.stop();
    await coordinator.close();
  });
});
