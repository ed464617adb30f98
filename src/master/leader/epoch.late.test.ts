import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../../test/support/process.ts';
import { CoordinationError, type Operation } from '../../coordination/coordinator.ts';
import { epochKey } from '../../coordination/keys.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { decode, type EpochRecord, encode } from '../../coordination/records.ts';
import { silentLogger } from '../../observability/logger.ts';
import type { Store } from '../../store/store.ts';
import { EpochKeeper } from './epoch.ts';
import { leaderMetrics } from './metrics.ts';
import { Observations } from './observations.ts';
import { Office } from './office.ts';
import { leaderTiming } from './timing.ts';

test("a new leader's own first write that comes late is not taken for a lost past", async () => {
  const memory = new MemoryCoordinator();
  const before: EpochRecord = { v: 1, number: 1, floor: 0, beat: 5, leader: 'old', at: Date.now() };
  await memory.transact([{ verb: 'set', key: epochKey, value: encode(before) }]);
  const ending = new AbortController();
  let late: readonly Operation[] | undefined;
  let tries = 0;
  const coordinator = new Proxy(memory, {
    get(target, name) {
      if (name !== 'transact') {
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async (operations: readonly Operation[]) => {
        if (tries++ === 0) {
          late = operations;
          throw new CoordinationError('timed out', 'unknown');
        }
        // It arrives between the second try's read and its write.
        if (late !== undefined) assert.equal((await memory.transact(late)).ok, true);
        late = undefined;
        return await memory.transact(operations);
      };
    },
  });
  const office = new Office({
    coordinator,
    store: { putEpoch: async () => {} } as unknown as Store,
    leadership: {
      role: 'scheduler',
      session: 's',
      lockKey: 'cron/leader/nobody',
      term: 1,
      signal: ending.signal,
      valid: true,
      guard: { verb: 'check-not-exists', key: 'cron/leader/nobody' },
    },
    clock: Date.now,
    timing: { ...leaderTiming, beatEvery: 10 },
    logger: silentLogger,
    metrics: leaderMetrics(undefined),
  });
  let lost = 0;
  const keeper = new EpochKeeper(office, {
    master: 'new',
    observations: new Observations({} as never),
    stored: { number: 1, floor: 0, beat: 5, at: before.at },
    onPastLost: async () => void lost++,
    onSaveError: () => {},
  });
  const running = keeper.run();
  await eventually('beats of the new leader', async () => {
    const entry = await memory.get(epochKey);
    return entry !== undefined && (lost > 0 || decode<EpochRecord>(entry).beat > 8);
  });
  ending.abort();
  await running.catch(() => {});
  assert.equal(lost, 0);
  const after = await memory.get(epochKey);
  assert.ok(after);
  assert.equal(decode<EpochRecord>(after).number, 1);
  await memory.close();
});
