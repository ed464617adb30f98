import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation } from '../../coordination/coordinator.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { silentLogger } from '../../observability/logger.ts';
import type { Store } from '../../store/store.ts';
import { clearCursors } from './cursors.ts';
import { clearLanes } from './lanes.ts';
import { leaderMetrics } from './metrics.ts';
import { Office, takeAway } from './office.ts';
import { leaderTiming } from './timing.ts';

const lockKey = 'cron/leader/scheduler';

async function open(store = {} as Store): Promise<{ coordinator: MemoryCoordinator; office: Office }> {
  const coordinator = new MemoryCoordinator();
  await coordinator.open();
  const session = await coordinator.createSession({ name: 't', ttl: 10_000, lockDelay: 0, serviceChecks: [] });
  await coordinator.transact([{ verb: 'lock', key: lockKey, value: '', session }]);
  const guard: Operation = { verb: 'check-session', key: lockKey, session };
  const office = new Office({
    coordinator,
    store,
    leadership: {
      role: 'scheduler',
      session,
      lockKey,
      term: 1,
      signal: new AbortController().signal,
      valid: true,
      guard,
    },
    clock: Date.now,
    timing: leaderTiming,
    logger: silentLogger,
    metrics: leaderMetrics(),
  });
  return { coordinator, office };
}

test('what somebody took in between was not taken away', async () => {
  const { coordinator, office } = await open();
  await coordinator.transact(
    Array.from({ length: 100 }, (_, i) => ({ verb: 'set', key: `k/${i}`, value: 'v' }) as const),
  );
  const entries = await coordinator.list('k/');
  await coordinator.transact([{ verb: 'delete', key: 'k/7' }]);
  await coordinator.transact([{ verb: 'set', key: 'k/8', value: 'other' }]);
  const answers = await office.each(entries.map(takeAway));
  const refused = entries.filter((_, i) => answers[i] === 'refused').map(entry => entry.key);
  assert.deepEqual(refused, ['k/7', 'k/8']);
  assert.deepEqual(
    (await coordinator.list('k/')).map(entry => entry.key),
    ['k/8'],
  );
  await coordinator.close();
});

test('steps of one and of several operations each have their own answer', async () => {
  const { coordinator, office } = await open();
  await coordinator.transact([{ verb: 'set', key: 'a', value: '1' }]);
  const [a, none, both] = await office.each([
    { verb: 'get-or-empty', key: 'a' },
    { verb: 'get-or-empty', key: 'none' },
    [
      { verb: 'check-not-exists', key: 'b' },
      { verb: 'cas', key: 'b', value: '2', index: 0 },
    ],
  ]);
  assert.equal(a !== 'refused' && a?.value, '1');
  assert.equal(none, undefined);
  assert.equal(both !== 'refused' && both?.key, 'b');
  await coordinator.close();
});

test('only the lanes of workers that are long gone are deleted', async () => {
  const { coordinator, office } = await open();
  const old = Date.now() - 7_200_000;
  const beats: [worker: string, at: number][] = [
    ['gone', old],
    ['cut-off', Date.now() - 60_000],
    ['registered', old],
  ];
  for (const [worker, at] of beats) {
    await coordinator.transact([
      { verb: 'set', key: `cron/lane/${worker}/beat`, value: JSON.stringify({ v: 1, count: 1, at }) },
      { verb: 'set', key: `cron/lane/${worker}/0`, value: JSON.stringify({ v: 1, count: 1 }) },
    ]);
  }
  await coordinator.transact([
    { verb: 'set', key: 'cron/lane/never-beat/0', value: JSON.stringify({ v: 1, count: 1 }) },
  ]);
  await clearLanes(office, { list: () => [{ id: 'registered' }] as never });
  assert.deepEqual(
    (await coordinator.keys('cron/lane/')).map(key => key.split('/')[2]),
    ['cut-off', 'cut-off', 'never-beat', 'registered', 'registered'],
  );
  await coordinator.close();
});

test('only the cursors of jobs that are long gone, from the database too, are deleted', async () => {
  const inDatabase = { getJob: async (_: string, name: string) => (name === 'unpublished' ? {} : undefined) };
  const { coordinator, office } = await open(inDatabase as unknown as Store);
  const old = Date.now() - 7_200_000;
  const cursors: [job: string, tick: number][] = [
    ['a/gone', old],
    ['a/just-deleted', Date.now() - 60_000],
    ['a/there', old],
    ['b/unpublished', old],
  ];
  for (const [job, tick] of cursors) {
    const value = JSON.stringify({ v: 1, uid: 'u', tick, decision: 'run' });
    await coordinator.transact([{ verb: 'set', key: `cron/cursor/${job}`, value }]);
  }
  await coordinator.transact([
    { verb: 'set', key: 'cron/cursor/a/unreadable', value: 'no JSON' },
    { verb: 'set', key: 'cron/jobs/a/there', value: '{}' },
  ]);
  await clearCursors(office);
  assert.deepEqual(await coordinator.keys('cron/cursor/'), [
    'cron/cursor/a/just-deleted',
    'cron/cursor/a/there',
    'cron/cursor/a/unreadable',
    'cron/cursor/b/unpublished',
  ]);
  await coordinator.close();
});
