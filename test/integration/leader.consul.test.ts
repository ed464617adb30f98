import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { ConsulCoordinator } from '../../src/coordination/consul/consul.ts';
import { epochKey } from '../../src/coordination/keys.ts';
import { decode, type EpochRecord } from '../../src/coordination/records.ts';
import { leaderTiming } from '../../src/master/leader/timing.ts';
import { openPgliteStore } from '../../src/store/prisma/index.ts';
import type { Store } from '../../src/store/store.ts';
import { type ConsulServer, consulSkip, startConsul } from '../support/consul.ts';
import { claim, clockFrom, cursorOf, makeJob, quick, skipsOf, TestMaster } from '../support/leader.ts';
import { eventually } from '../support/process.ts';

/** Real Consul's sessions and elections take their time; what the leader itself does is quick. */
const timing = { ...leaderTiming, ...quick, beatEvery: 200, epochWait: 2_000, lostAfter: 3_000, lostGrace: 1_000 };

describe('leader on a real Consul', { skip: consulSkip() }, () => {
  let consul: ConsulServer;
  let store: Store;
  let folder: string;
  const started: (() => Promise<void>)[] = [];

  before(async () => {
    consul = await startConsul();
    store = await openPgliteStore();
    await store.migrate();
    folder = await mkdtemp(join(tmpdir(), 'cronmesh-leader-'));
  });
  afterEach(async () => {
    for (const stop of started.splice(0).reverse()) await stop();
  });
  after(async () => {
    await store?.close();
    await consul?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(
    master = 'master-1',
    clock = Date.now,
  ): Promise<{ master: TestMaster; coordinator: ConsulCoordinator }> {
    const coordinator = new ConsulCoordinator({ address: consul.address });
    started.push(() => coordinator.close());
    const one = new TestMaster({ coordinator, store, clock, master }, { timing });
    started.push(() => one.stop());
    return { master: await one.start(), coordinator };
  }

  const epochOf = async (coordinator: ConsulCoordinator): Promise<EpochRecord | undefined> => {
    const entry = await coordinator.get(epochKey);
    return entry && decode<EpochRecord>(entry);
  };
  /** The epoch, once its beat has risen under this number or a later one. */
  const beating = async (coordinator: ConsulCoordinator, atLeast: number): Promise<EpochRecord> => {
    const first = await eventually(`epoch ${atLeast}`, async () => {
      const epoch = await epochOf(coordinator);
      return epoch !== undefined && epoch.number >= atLeast && epoch;
    });
    return await eventually('its beat', async () => {
      const epoch = await epochOf(coordinator);
      return epoch !== undefined && epoch.number === first.number && epoch.beat > first.beat && epoch;
    });
  };

  it('accounts for missed ticks by check-and-set on the cursor', async () => {
    const { coordinator } = await start('master-1', clockFrom('2026-03-01T12:05:20Z'));
    await beating(coordinator, 1);
    const job = await makeJob(store, 'missed', '2026-03-01T12:00:00Z', { misfirePolicy: 'RunLatest' });
    await claim(coordinator, job, Date.parse('2026-03-01T12:02:00Z'), {
      gaps: [{ from: Date.parse('2026-03-01T12:01:00Z'), to: Date.parse('2026-03-01T12:01:00Z') }],
    });
    await eventually('a catch-up', async () => {
      const { items } = await store.listRuns({ name: 'missed', state: ['Pending'], limit: 5 });
      return items.some(({ tick }) => tick === Date.parse('2026-03-01T12:05:00Z'));
    });
    const skips = (await skipsOf(store, job)).map(({ from, to, reason }) => ({ from, to, reason }));
    assert.ok(
      skips.every(({ reason }) => reason === 'Superseded'),
      JSON.stringify(skips),
    );
    assert.equal((await cursorOf(coordinator, job))?.tick, Date.parse('2026-03-01T12:05:00Z'));
    const run = await eventually('the claimed one without report is lost', async () => {
      const { items } = await store.listRuns({ name: 'missed', state: ['Lost'], limit: 5 });
      return items[0];
    });
    assert.equal(run.tick, Date.parse('2026-03-01T12:02:00Z'));
  });

  it('hands the epoch on to the next leader', async () => {
    const one = await start('master-1');
    const before = await beating(one.coordinator, 1);
    const two = await start('master-2');
    await one.master.stop();
    const epoch = await eventually('the second leads', async () => {
      const found = await epochOf(two.coordinator);
      return found?.leader === 'master-2' && found;
    });
    assert.equal(epoch.number, before.number);
    assert.ok(epoch.beat > before.beat);
  });

  it('begins the next epoch after a restore, and publishes again what the snapshot did not have', async () => {
    const { master, coordinator } = await start();
    const before = await beating(coordinator, 1);
    const snapshot = join(folder, 'before.snap');
    await consul.snapshotSave(snapshot);
    const job = await makeJob(store, 'after-snapshot', new Date().toISOString());
    await master.publisher.publish([job]);
    await eventually('later beats', async () => ((await epochOf(coordinator))?.beat ?? 0) > before.beat + 3);
    await consul.snapshotRestore(snapshot);
    const epoch = await beating(coordinator, before.number + 1);
    assert.ok(epoch.beat > before.beat + 3);
    await eventually('the job is back', () => coordinator.get('cron/jobs/default/after-snapshot'));
  });

  it('fills a Consul that came back empty, under the next epoch', async () => {
    const { master, coordinator } = await start();
    const before = await beating(coordinator, 1);
    const job = await makeJob(store, 'before-wipe', new Date().toISOString());
    await master.publisher.publish([job]);
    await consul.restart({ empty: true });
    const epoch = await beating(coordinator, before.number + 1);
    assert.ok(epoch.floor > before.at);
    await eventually('the job is back', () => coordinator.get('cron/jobs/default/before-wipe'));
    assert.equal((await store.getEpoch())?.number, epoch.number);
  });
});
