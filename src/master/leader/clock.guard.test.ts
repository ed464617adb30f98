import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { lanePath } from '../../coordination/keys.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { encode } from '../../coordination/records.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import { silentLogger } from '../../observability/logger.ts';
import { ClockGuard } from './clock.ts';

describe('clock guard', () => {
  let coordinator: MemoryCoordinator;
  let own = 0;
  let guard: ClockGuard;
  let count = 0;

  beforeEach(() => {
    coordinator = new MemoryCoordinator();
    own = 0;
    guard = new ClockGuard({
      coordinator,
      logger: silentLogger,
      master: 'master-1',
      clock: () => Date.now() + own,
      every: 3_600_000,
    });
  });
  afterEach(async () => {
    await guard.stop();
    await coordinator.close();
  });

  /** Peers beat with these clocks, some times, and the guard looks each time. */
  async function look(offsets: readonly number[], times = 5, leader?: { name: string; offset: number }): Promise<void> {
    for (let i = 0; i < times; i++) {
      for (const [n, offset] of offsets.entries()) {
        const value = encode({ v: 1, count: ++count, at: Date.now() + offset + i });
        await coordinator.transact([{ verb: 'set', key: lanePath(`worker-${n}` as WorkerId, 'beat'), value }]);
      }
      if (leader !== undefined) {
        const at = Date.now() + leader.offset + i;
        const value = encode({ v: 1, number: 1, floor: 0, beat: ++count, leader: leader.name, at });
        await coordinator.transact([{ verb: 'set', key: 'cron/epoch', value }]);
      }
      await guard.look();
    }
  }

  it('cannot tell with one peer, and may lead', async () => {
    await look([60_000]);
    assert.equal(guard.clockOk(), true);
    assert.equal(guard.offset, undefined);
  });

  it('agrees with most, whatever one of them says', async () => {
    await look([0, 100, 60_000]);
    assert.equal(guard.clockOk(), true);
    assert.ok(Math.abs(guard.offset ?? 1_000) < 500);
  });

  it('stops when it is off from the median, and goes on when it is right again', async () => {
    own = 5_000;
    await look([0, 100, -100]);
    assert.equal(guard.clockOk(), false);
    own = 0;
    await look([0, 100, -100]);
    assert.equal(guard.clockOk(), true);
  });

  it('takes no late answer for a wrong clock', async () => {
    await guard.stop();
    const late: Pick<MemoryCoordinator, 'list' | 'get'> = {
      list: async (...given) => {
        const found = await coordinator.list(...given);
        await delay(1_300);
        return found;
      },
      get: (...given) => coordinator.get(...given),
    };
    guard = new ClockGuard({ coordinator: late, logger: silentLogger, every: 3_600_000 });
    await look([0, 10, -10]);
    assert.equal(guard.clockOk(), true);
    assert.ok(Math.abs(guard.offset ?? 1_000) < 500);
  });

  it('is not trusted from a step on, at once, until its peers have judged it', async () => {
    await look([0, 100, -100]);
    own = 3_600_000;
    assert.equal(guard.clockOk(), false);
    await look([0, 100, -100], 3);
    assert.equal(guard.clockOk(), false);
    await look([0, 100, -100], 2);
    assert.equal(guard.clockOk(), false, 'by its peers');
    own = 0;
    assert.equal(guard.clockOk(), false, 'a step back is a step');
    await look([0, 100, -100]);
    assert.equal(guard.clockOk(), true);
  });

  it('is trusted again some looks after a step that no two peers can judge', async () => {
    own = 5_000;
    assert.equal(guard.clockOk(), false);
    await look([0], 4);
    assert.equal(guard.clockOk(), true);
  });

  it("counts another leader's beat as a peer, and not its own", async () => {
    await look([5_000], 5, { name: 'master-1', offset: 5_000 });
    assert.equal(guard.clockOk(), true);
    await look([5_000], 5, { name: 'master-2', offset: 5_000 });
    assert.equal(guard.clockOk(), false);
  });

  it('takes what a restored Consul shows of the past for no wrong clock', async () => {
    await look([-20, -30, -40]);
    const snapshot = coordinator.snapshot();
    own = 7_000;
    guard = new ClockGuard({ coordinator, logger: silentLogger, clock: () => Date.now() + own, every: 3_600_000 });
    await look([6_980, 6_970, 6_960]);
    coordinator.restore(snapshot);
    for (let i = 0; i < 6; i++) await guard.look();
    assert.equal(guard.clockOk(), true);
    await look([6_980, 6_970, 6_960]);
    assert.equal(guard.clockOk(), true);
    assert.ok(Math.abs(guard.offset ?? 1_000) < 500);
  });

  it('does not count peers that stand still', async () => {
    const value = encode({ v: 1, count: 1, at: 1 });
    for (const n of [1, 2, 3]) {
      await coordinator.transact([{ verb: 'set', key: lanePath(`gone-${n}` as WorkerId, 'beat'), value }]);
    }
    for (let i = 0; i < 6; i++) await guard.look();
    assert.equal(guard.clockOk(), true);
    assert.equal(guard.offset, undefined);
  });
});
