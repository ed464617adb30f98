import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import {
  claim,
  clockFrom,
  cursorOf,
  makeJob,
  quick,
  registerWorker,
  skipsOf,
  TestMaster,
  triggerOf,
} from '../../../test/support/leader.ts';
import { eventually } from '../../../test/support/process.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import { openPgliteStore } from '../../store/prisma/index.ts';
import type { Store } from '../../store/store.ts';

const at = (time: string) => Date.parse(`2026-03-01T${time}Z`);
const day = (time: string) => `2026-03-01T${time}Z`;

describe('accounting of elapsed ticks', () => {
  let store: Store;
  let coordinator: MemoryCoordinator;
  let master: TestMaster;
  let clock: () => number;

  before(async () => {
    store = await openPgliteStore();
    await store.migrate();
    coordinator = new MemoryCoordinator();
    await registerWorker(coordinator, 'worker-1');
  });
  beforeEach(() => {
    // Half a minute is left until the next tick of the jobs below: none comes while a test runs.
    clock = clockFrom(day('12:05:20'));
    master = new TestMaster({ coordinator, store, clock });
  });
  afterEach(() => master.stop());
  after(async () => {
    await coordinator.close();
    await store.close();
  });

  it('records missed ticks as one range with policy Skip', async () => {
    const job = await makeJob(store, 'skip', day('12:00:00'));
    await master.start();
    const [skip, ...more] = await eventually('a skip', async () => {
      const skips = await skipsOf(store, job);
      return skips.length > 0 && skips;
    });
    assert.deepEqual(more, []);
    assert.equal(skip?.from, at('12:01:00'));
    assert.equal(skip?.to, at('12:05:00'));
    assert.equal(skip?.count, 5);
    assert.equal(skip?.reason, 'Misfire');
    assert.equal((await cursorOf(coordinator, job))?.tick, at('12:05:00'));
    const [spell] = await store.spellsOf([job.uid]);
    assert.ok((spell?.accountedUntil ?? 0) >= at('12:05:00'));
  });

  it('runs the latest with RunLatest, and says of the others that they are superseded', async () => {
    const job = await makeJob(store, 'latest', day('12:00:00'), { misfirePolicy: 'RunLatest' });
    await master.start();
    const trigger = await eventually('a trigger', () => triggerOf(coordinator, job, at('12:05:00')));
    assert.equal(trigger.kind, 'catchup');
    assert.equal(trigger.deadline, at('12:10:00'));
    const skips = await skipsOf(store, job);
    assert.deepEqual(
      skips.map(({ from, to, count, reason }) => ({ from, to, count, reason })),
      [
        // 300 s before now: too late to start.
        { from: at('12:01:00'), to: at('12:04:00'), count: 4, reason: 'Superseded' },
      ],
    );
    const { items } = await store.listRuns({ name: 'latest', limit: 10 });
    assert.deepEqual(
      items.map(({ state, tick }) => ({ state, tick })),
      [{ state: 'Pending', tick: at('12:05:00') }],
    );
  });

  it('runs all up to the limit with RunAll, inside the starting deadline', async () => {
    const job = await makeJob(store, 'all', day('11:50:00'), { misfirePolicy: 'RunAll', misfireLimit: 3 });
    await master.start();
    for (const time of ['12:03:00', '12:04:00', '12:05:00']) {
      await eventually(`a trigger for ${time}`, () => triggerOf(coordinator, job, at(time)));
    }
    assert.equal(await triggerOf(coordinator, job, at('12:02:00')), undefined);
    assert.deepEqual(
      (await skipsOf(store, job)).map(({ from, to, reason }) => ({ from, to, reason })),
      [
        { from: at('11:51:00'), to: at('12:00:00'), reason: 'DeadlineExceeded' },
        { from: at('12:01:00'), to: at('12:02:00'), reason: 'MisfireLimit' },
      ],
    );
  });

  it('decides the gaps that a claim left, and does not touch what was decided', async () => {
    const job = await makeJob(store, 'gap', day('12:00:00'));
    await claim(coordinator, job, at('12:05:00'), { gaps: [{ from: at('12:02:00'), to: at('12:03:00') }] });
    await master.start();
    const skips = await eventually('a skip', async () => {
      const found = await skipsOf(store, job);
      return found.length > 0 && found;
    });
    assert.deepEqual(
      skips.map(({ from, to, count, reason }) => ({ from, to, count, reason })),
      [{ from: at('12:02:00'), to: at('12:03:00'), count: 2, reason: 'Misfire' }],
    );
    assert.equal((await cursorOf(coordinator, job))?.decision, 'run');
  });

  it('closes decided ticks without report, lock or trigger as lost', async () => {
    const job = await makeJob(store, 'lost', day('12:04:00'));
    await claim(coordinator, job, at('12:05:00'), { worker: 'worker-gone' });
    await master.start();
    const run = await eventually('a lost run', async () => {
      const { items } = await store.listRuns({ name: 'lost', limit: 1 });
      return items[0];
    });
    assert.equal(run.state, 'Lost');
    assert.equal(run.worker, 'worker-gone');
    assert.equal(run.tick, at('12:05:00'));
    assert.deepEqual(await skipsOf(store, job), []);
  });

  it('waits for a run whose lock is held', async () => {
    const job = await makeJob(store, 'held', day('12:04:00'));
    const other = await makeJob(store, 'not-held', day('12:04:00'));
    const session = await coordinator.createSession({ name: 'w', ttl: 20_000, lockDelay: 0, serviceChecks: [] });
    await claim(coordinator, job, at('12:05:00'), { session });
    await claim(coordinator, other, at('12:05:00'));
    await master.start();
    await eventually('the other is lost', async () => (await store.listRuns({ name: 'not-held', limit: 1 })).items[0]);
    assert.deepEqual((await store.listRuns({ name: 'held', limit: 1 })).items, []);
  });

  it('leaves ticks to the holder of a Forbid slot, and says StillRunning when it dies', async () => {
    const job = await makeJob(store, 'forbid', day('12:02:00'), { concurrencyPolicy: 'Forbid' });
    const session = await coordinator.createSession({ name: 'w', ttl: 20_000, lockDelay: 0, serviceChecks: [] });
    await claim(coordinator, job, at('12:03:00'), { session, slot: 0 });
    const watch = await makeJob(store, 'forbid-watch', day('12:04:00'));
    await master.start();
    await eventually('the audit has passed', async () => (await skipsOf(store, watch)).length > 0);
    assert.deepEqual(await skipsOf(store, job), []);
    assert.equal((await cursorOf(coordinator, job))?.tick, at('12:03:00'));
    coordinator.expireSession(session);
    const skips = await eventually('a skip', async () => {
      const found = await skipsOf(store, job);
      return found.length > 0 && found;
    });
    assert.deepEqual(
      skips.map(({ from, to, reason }) => ({ from, to, reason })),
      [{ from: at('12:04:00'), to: at('12:05:00'), reason: 'StillRunning' }],
    );
    const run = await eventually(
      'its run is lost',
      async () => (await store.listRuns({ name: 'forbid', limit: 1 })).items[0],
    );
    assert.equal(run.state, 'Lost');
  });

  it('records a skip that only the cursor tells of', async () => {
    const job = await makeJob(store, 'told', day('12:01:00'));
    await claim(coordinator, job, at('12:02:00'));
    const { key, index } = await eventually('the cursor', () => coordinator.get(`cron/cursor/default/told`));
    const value = JSON.stringify({
      v: 1,
      uid: job.uid,
      tick: at('12:05:00'),
      decision: 'skip',
      from: at('12:03:00'),
      reason: 'ConcurrencyLimit',
      detail: 'all 2 slots were held',
    });
    await coordinator.transact([{ verb: 'cas', key, value, index }]);
    await master.start();
    const skips = await eventually('a skip', async () => {
      const found = await skipsOf(store, job);
      return found.length > 0 && found;
    });
    assert.deepEqual(
      skips.map(({ from, to, count, reason, detail }) => ({ from, to, count, reason, detail })),
      [
        {
          from: at('12:03:00'),
          to: at('12:05:00'),
          count: 3,
          reason: 'ConcurrencyLimit',
          detail: 'all 2 slots were held',
        },
      ],
    );
  });

  it('records the ticks of a suspended spell as one range when it ends, and runs nothing after all', async () => {
    const job = await makeJob(store, 'suspended', day('12:00:00'), { suspend: true, misfirePolicy: 'RunAll' });
    await master.start();
    const resumed = await store.updateJob({
      ...job,
      spec: { ...job.spec, suspend: false },
      floor: clock(),
      now: clock(),
    });
    await master.publisher.publish([resumed]);
    const skips = await eventually('a skip', async () => {
      const found = await skipsOf(store, job);
      return found.length > 0 && found;
    });
    assert.deepEqual(
      skips.map(({ from, to, count, reason }) => ({ from, to, count, reason })),
      [{ from: at('12:01:00'), to: at('12:05:00'), count: 5, reason: 'Suspended' }],
    );
  });

  it('never runs anything after all for an edited or deleted job', async () => {
    const job = await makeJob(store, 'edited', day('12:04:30'), { misfirePolicy: 'RunAll' });
    const now = at('12:05:02');
    const edited = await store.updateJob({ ...job, spec: { ...job.spec, schedule: '@hourly' }, floor: now, now });
    await master.start();
    const skips = await eventually('a skip', async () => {
      const found = await skipsOf(store, edited);
      return found.length > 0 && found;
    });
    assert.deepEqual(
      skips.map(({ from, to, reason }) => ({ from, to, reason })),
      [{ from: at('12:05:00'), to: at('12:05:00'), reason: 'JobChanged' }],
    );
    assert.equal(await triggerOf(coordinator, job, at('12:05:00')), undefined);
  });

  it('takes a long outage as one range, however many ticks it had', async () => {
    const job = await makeJob(store, 'outage', '2026-02-28T12:00:00Z', { schedule: '* * * * * *' });
    await master.start();
    const [skip] = await eventually('a skip', async () => {
      const found = await skipsOf(store, job);
      return found.length > 0 && found;
    });
    assert.equal(skip?.from, Date.parse('2026-02-28T12:00:01Z'));
    assert.ok((skip?.to ?? 0) >= at('12:05:10'));
    const exact = ((skip?.to ?? 0) - (skip?.from ?? 0)) / 1_000 + 1;
    assert.ok(Math.abs((skip?.count ?? 0) - exact) <= 1, `${skip?.count} of ${exact}`);
  });

  it('keeps RunLatest one run, and RunAll at its limit, while an outage goes on', async () => {
    await master.stop();
    master = new TestMaster({ coordinator, store, clock }, { timing: { ...quick, auditAfter: 100 } });
    const floor = new Date(clock()).toISOString();
    const each = { schedule: '* * * * * *', placement: { selector: { matchLabels: { gpu: 'yes' } } } };
    const latest = await makeJob(store, 'still-latest', floor, { ...each, misfirePolicy: 'RunLatest' });
    const all = await makeJob(store, 'still-all', floor, { ...each, misfirePolicy: 'RunAll', misfireLimit: 2 });
    await master.start();
    const skipped = (name: string) => store.listRuns({ name, state: ['Skipped'], limit: 10 });
    await eventually('some were superseded', async () => (await skipped('still-latest')).items.length >= 2);
    await eventually('some were too many', async () => (await skipped('still-all')).items.length >= 2);
    for (const { items, reason } of [
      { ...(await skipped('still-latest')), reason: 'Superseded' },
      { ...(await skipped('still-all')), reason: 'MisfireLimit' },
    ]) {
      assert.deepEqual([...new Set(items.map(run => run.reason))], [reason]);
    }
    const pending = (await store.pendingRuns(100)).filter(run => run.published);
    assert.ok(pending.filter(run => run.jobUid === latest.uid).length <= 1);
    assert.ok(pending.filter(run => run.jobUid === all.uid).length <= 2);
    const triggers = await coordinator.keys('cron/trigger/default/still-');
    assert.ok(triggers.length <= 3, triggers.join());
  });

  it('counts the runs after all that the leader before made of the same outage', async () => {
    const auditAfter = 100;
    const timed = { timing: { ...quick, auditAfter } };
    await master.stop();
    master = new TestMaster({ coordinator, store, clock }, timed);
    const floor = new Date(clock()).toISOString();
    const job = await makeJob(store, 'two-leaders', floor, { schedule: '* * * * * *', misfirePolicy: 'RunLatest' });
    await master.start();
    const first = await eventually('a run after all', async () =>
      (await store.pendingRuns(100)).find(run => run.jobUid === job.uid && run.published),
    );
    await store.applyReports(
      'worker-1' as WorkerId,
      [
        {
          type: 'claimed',
          run: first.id,
          attempt: 1,
          jobUid: job.uid,
          namespace: job.namespace,
          name: job.name,
          trigger: 'catchup',
          tick: first.tick ?? 0,
          // After all ticks that this test sees: they are of the same row.
          at: clock() + 600_000,
          fencingToken: '1',
          revision: 1,
        },
      ],
      clock(),
    );
    await master.stop();
    master = new TestMaster({ coordinator, store, clock, master: 'master-2' }, timed);
    await master.start();
    await eventually('more missed ticks', async () => {
      const skips = (await skipsOf(store, job)).filter(({ from }) => from > (first.tick ?? 0));
      return skips.reduce((sum, { count }) => sum + count, 0) >= 3;
    });
    const runs = (await store.listRuns({ name: job.name, limit: 50 })).items;
    const started = runs.filter(({ state }) => state !== 'Skipped').map(({ id, state }) => [id, state]);
    assert.deepEqual(started, [[first.id, 'Claimed']]);
  });

  it('says NoEligibleWorker when the catalog showed none', async () => {
    const job = await makeJob(store, 'nobody', day('12:05:00'), {
      schedule: '* * * * * *',
      placement: { selector: { matchLabels: { gpu: 'yes' } } },
    });
    await master.start();
    await eventually('such a skip', async () =>
      (await skipsOf(store, job)).some(({ reason }) => reason === 'NoEligibleWorker'),
    );
    for (const skip of await skipsOf(store, job)) {
      if (skip.reason === 'Misfire') assert.ok(skip.to < clock(), 'a misfire is from before the directory looked');
      else assert.equal(skip.reason, 'NoEligibleWorker');
    }
  });
});
