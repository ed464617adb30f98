import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { Lane } from './lane.ts';

describe('lane', () => {
  let coordinator: MemoryCoordinator;
  let lane: Lane;

  beforeEach(() => {
    coordinator = new MemoryCoordinator();
    lane = new Lane('cron/lane/w/0');
  });
  afterEach(() => coordinator.close());

  async function raise(): Promise<void> {
    const answer = await coordinator.transact([lane.raise()]);
    assert.ok(answer.ok);
    lane.raised(answer.entries[0]?.index ?? 0);
  }

  it('finds that a raise without an answer was carried out, and where', async () => {
    await raise();
    const answer = await coordinator.transact([lane.raise(), { verb: 'set', key: 'x', value: '1' }]);
    assert.ok(answer.ok);
    const found = await lane.resolve(coordinator);
    assert.deepEqual(found, { outcome: 'committed', index: answer.entries[0]?.index, epoch: undefined });
    await raise();
  });

  it('makes sure that one that was not carried out never will be', async () => {
    await raise();
    const late = [lane.raise(), { verb: 'set', key: 'x', value: '1' } as const];
    assert.deepEqual(await lane.resolve(coordinator), { outcome: 'dead' });
    const answer = await coordinator.transact(late);
    assert.equal(answer.ok, false);
    assert.equal(await coordinator.get('x'), undefined);
    await raise();
  });

  it('asks again when the late one came between its read and its own raise', async () => {
    const late = lane.raise();
    let first = true;
    const racing = {
      transact: async (operations: Parameters<MemoryCoordinator['transact']>[0]) => {
        if (first && operations[0]?.verb === 'cas') {
          first = false;
          await coordinator.transact([late]);
        }
        return await coordinator.transact(operations);
      },
    } as MemoryCoordinator;
    assert.deepEqual(await lane.resolve(racing), { outcome: 'open' });
    const found = await lane.resolve(racing);
    assert.equal(found.outcome, 'committed');
  });

  it('sees a past that is not its own', async () => {
    await raise();
    const snapshot = coordinator.snapshot();
    await raise();
    coordinator.restore(snapshot);
    lane.raise();
    assert.deepEqual(await lane.resolve(coordinator), { outcome: 'past' });
    lane.adopt(await coordinator.get(lane.key));
    await raise();
    coordinator.wipe();
    lane.raise();
    assert.deepEqual(await lane.resolve(coordinator), { outcome: 'past' });
  });
});
