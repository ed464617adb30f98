import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { VirtualTime } from '../../test/chaos/virtual-time.ts';
import { epochKey } from '../coordination/keys.ts';
import { MemoryCoordinator } from '../coordination/memory/memory.ts';
import { monotonicNow } from '../coordination/monotonic.ts';
import { type EpochRecord, encode } from '../coordination/records.ts';
import { silentLogger } from '../observability/logger.ts';
import { EpochGuard } from './epoch-guard.ts';

describe('the guard of the epoch, after a silence', () => {
  let time: VirtualTime;
  let coordinator: MemoryCoordinator;
  let guard: EpochGuard;
  let prepared: number;

  const working = () => guard.working;
  const beat = (count: number) => {
    const record: EpochRecord = { v: 1, number: 1, floor: 0, beat: count, leader: 'm', at: Date.now() };
    return coordinator.transact([{ verb: 'set', key: epochKey, value: encode(record) }]);
  };

  beforeEach(async () => {
    time = new VirtualTime(Date.UTC(2026, 0, 1), () => false);
    coordinator = new MemoryCoordinator();
    prepared = 0;
    guard = new EpochGuard({
      coordinator,
      clock: Date.now,
      logger: silentLogger,
      onHeld: () => {},
      prepare: async () => {
        prepared++;
        guard.heard(monotonicNow());
      },
      onWorking: () => {},
      onBeat: () => {},
    });
    await beat(1);
    guard.start();
    await time.pass(100);
    await beat(2);
    await time.pass(100);
    assert.equal(working()?.beat, 2);
  });
  afterEach(async () => {
    await time.until(guard.stop(), 60_000);
    await coordinator.close();
    time.uninstall();
  });

  it('works while it is heard, with and without a leader', async () => {
    for (let second = 0; second < 10; second++) {
      await time.pass(1_000);
      guard.heard(monotonicNow());
    }
    assert.equal(working()?.beat, 2);
    assert.equal(prepared, 1);
  });

  it('waits for the next beat of a leader, and prepares itself as at the start', async () => {
    await time.pass(6_000);
    assert.equal(working(), undefined);
    assert.match(guard.reason ?? '', /beat/);
    await time.pass(6_000);
    assert.equal(working(), undefined);
    await beat(3);
    await time.pass(100);
    assert.equal(working()?.beat, 3);
    assert.equal(prepared, 2);
  });

  it('does not take the beats of a past that came back meanwhile for a leader', async () => {
    // Beats that it has not seen, a snapshot, more of them, and the snapshot again: all while it is stopped.
    await beat(5);
    const snapshot = coordinator.snapshot();
    await beat(9);
    coordinator.restore(snapshot);
    await time.pass(20_000);
    assert.equal(working(), undefined);
    await time.pass(20_000);
    assert.equal(working(), undefined);
  });
});
