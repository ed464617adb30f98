import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoordinationError } from '../coordinator.ts';
import { type KeyChange, MemoryCoordinator, type Persistence, type SavedKey } from './memory.ts';

/** A disk: what was saved, save by save; `fail` and `hold` act on the next save. */
class Disk implements Persistence {
  readonly saves: (readonly KeyChange[])[] = [];
  readonly #keys = new Map<string, SavedKey>();
  fail = false;
  hold: Promise<void> | undefined;

  async load(): Promise<readonly SavedKey[]> {
    return [...this.#keys.values()];
  }

  async save(changes: readonly KeyChange[]): Promise<void> {
    await this.hold;
    if (this.fail) throw new Error('the disk is full');
    this.saves.push(changes);
    for (const { key, value, index } of changes) {
      if (value === undefined) this.#keys.delete(key);
      else this.#keys.set(key, { key, value, index });
    }
  }
}

async function open(disk: Disk): Promise<MemoryCoordinator> {
  const coordinator = new MemoryCoordinator({ persistence: disk });
  await coordinator.open();
  return coordinator;
}

const set = (key: string, value = 'v') => [{ verb: 'set', key, value }] as const;

test('a transaction is answered after its save, and those that come meanwhile share the next one', async () => {
  const disk = new Disk();
  const coordinator = await open(disk);
  const held = Promise.withResolvers<void>();
  disk.hold = held.promise;
  let answered = 0;
  const answers = [coordinator.transact(set('a')).then(() => answered++)];
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  for (const key of ['b', 'c', 'd']) answers.push(coordinator.transact(set(key)).then(() => answered++));
  assert.equal((await coordinator.get('d'))?.value, 'v', 'later transactions see it before it is saved');
  await new Promise(setImmediate);
  assert.equal(answered, 0);
  held.resolve();
  await Promise.all(answers);
  assert.deepEqual(
    disk.saves.map(save => save.filter(({ key }) => key.length === 1).map(({ key }) => key)),
    [['a'], ['b', 'c', 'd']],
  );
  await coordinator.close();
});

test('keys survive a restart, sessions do not, and a lock comes back as an orphan', async () => {
  const disk = new Disk();
  const first = await open(disk);
  const session = await first.createSession({ name: '', ttl: 20_000, lockDelay: 60_000, serviceChecks: [] });
  await first.transact([{ verb: 'lock', key: 'lock', value: 'run', session }, ...set('a')]);
  await first.transact([{ verb: 'delete', key: 'a' }]);
  await first.close();

  const second = await open(disk);
  assert.equal(await second.get('a'), undefined);
  assert.equal((await second.get('lock'))?.session, undefined);
  assert.equal(await second.sessionExists(session), false);
  const next = await second.createSession({ name: '', ttl: 20_000, lockDelay: 0, serviceChecks: [] });
  const taken = await second.transact([{ verb: 'lock', key: 'lock', value: 'next', session: next }]);
  assert.ok(taken.ok && taken.entries[0]?.lockIndex === 2);
  await second.close();
});

test('indexes never go back over a restart, even when the newest change was a delete', async () => {
  const disk = new Disk();
  const first = await open(disk);
  await first.transact(set('a'));
  const written = await first.transact(set('b'));
  await first.transact([{ verb: 'delete', key: 'b' }]);
  await first.close();
  const second = await open(disk);
  const next = await second.transact(set('c'));
  assert.ok(written.ok && next.ok);
  assert.ok((next.entries[0]?.index ?? 0) > (written.entries[0]?.index ?? 0) + 1);
  assert.deepEqual(await second.keys(''), ['a', 'c'], 'nothing of its own bookkeeping shows');
  await second.close();
});

test('a save that fails is an unknown answer, and the next save carries its changes', async () => {
  const disk = new Disk();
  const coordinator = await open(disk);
  disk.fail = true;
  await assert.rejects(
    coordinator.transact(set('a', 'kept')),
    (error: unknown) => error instanceof CoordinationError && error.effect === 'unknown',
  );
  disk.fail = false;
  await coordinator.transact(set('b'));
  await coordinator.close();
  const again = await open(disk);
  assert.equal((await again.get('a'))?.value, 'kept');
  await again.close();
});

test('a transaction that changes nothing saves nothing', async () => {
  const disk = new Disk();
  const coordinator = await open(disk);
  await coordinator.transact(set('a'));
  await coordinator.transact([...set('a'), { verb: 'get', key: 'a' }]);
  assert.equal(disk.saves.length, 1);
  await coordinator.close();
});
