import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoordinationError, type Coordinator } from '../../coordination/coordinator.ts';
import { groupLockPath, lockPath, lostPath, triggerPath } from '../../coordination/keys.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { decode, encode, type LockRecord, type LostRecord, type TriggerRecord } from '../../coordination/records.ts';
import type { JobUid } from '../../domain/job/job.ts';
import type { RunId, WorkerId } from '../../domain/run/run.ts';
import { silentLogger } from '../../observability/logger.ts';
import { type Estate, handOver } from './handover.ts';
import type { AttemptStatus } from './supervisor.ts';

const worker = 'worker-1' as WorkerId;
const tick = Date.UTC(2026, 0, 1);

function record(run: string, deadline: number): LockRecord {
  const jobUid = 'uid' as JobUid;
  return { v: 1, run: run as RunId, attempt: 2, worker, jobUid, trigger: 'tick', tick, deadline };
}

async function setUp(locks: Readonly<Record<string, number>>) {
  const coordinator = new MemoryCoordinator();
  const options = { ttl: 20_000, lockDelay: 15_000, serviceChecks: [] };
  const session = await coordinator.createSession({ name: 'dead', ...options });
  const other = await coordinator.createSession({ name: 'other', ...options });
  for (const [run, deadline] of Object.entries(locks)) {
    const key = lockPath('default/job', run as RunId);
    const value = encode(record(run, deadline));
    await coordinator.transact([{ verb: 'lock', key, value, session }]);
  }
  const estate = (status: Readonly<Record<string, AttemptStatus>>, more: Partial<Estate> = {}): Estate => ({
    worker,
    session,
    epoch: 7,
    forgottenUntil: undefined,
    status: id => status[id.run] ?? 'never-spawned',
    ...more,
  });
  const lock = (run: string) => coordinator.get(lockPath('default/job', run as RunId));
  const trigger = (run: string) => coordinator.get(triggerPath('default/job', run as RunId));
  const lost = (run: string) => coordinator.get(lostPath(run as RunId));
  return { coordinator, session, other, estate, lock, trigger, lost };
}

const future = Date.now() + 3_600_000;
const quiet = { logger: silentLogger };

test('the lock of a group says whose run it is: it is handed back to that job', async () => {
  const { coordinator, session, estate } = await setUp({});
  const [one, two] = [groupLockPath('default', 'one'), groupLockPath('default', 'two')];
  for (const [key, run, job] of [
    [one, 'unspawned', 'default/a'],
    [two, 'spawned', 'default/b'],
  ] as const) {
    const value = encode({ ...record(run, future), job });
    await coordinator.transact([{ verb: 'lock', key, value, session }]);
  }
  assert.equal(await handOver(coordinator, estate({ spawned: 'ended' }), quiet), true);
  assert.ok(await coordinator.get(triggerPath('default/a', 'unspawned' as RunId)));
  const lost = await coordinator.get(lostPath('spawned' as RunId));
  assert.equal(lost && decode<LostRecord>(lost).job, 'default/b');
  assert.deepEqual(await coordinator.keys('cron/lock/'), []);
});

test('what was never spawned is handed back, what was spawned is lost, and the session ends', async () => {
  const { coordinator, session, other, estate, lock, trigger, lost } = await setUp({
    unspawned: future,
    spawned: future,
    late: Date.now() - 1,
  });
  const foreign = lockPath('default/job', 'foreign' as RunId);
  const value = encode({ ...record('foreign', future), worker: 'worker-2' as WorkerId });
  await coordinator.transact([{ verb: 'lock', key: foreign, value, session: other }]);

  assert.equal(await handOver(coordinator, estate({ spawned: 'ended' }), quiet), true);

  const handedBack = await trigger('unspawned');
  assert.ok(handedBack);
  const { requestedAt, ...rest } = decode<TriggerRecord>(handedBack);
  assert.ok(Math.abs(requestedAt - Date.now()) < 5_000);
  assert.deepEqual(rest, {
    v: 1,
    run: 'unspawned',
    attempt: 2,
    jobUid: 'uid',
    kind: 'tick',
    tick,
    deadline: future,
    epoch: 7,
    by: 'handed back by worker-1',
  });
  assert.equal(await lost('unspawned'), undefined);
  for (const run of ['spawned', 'late']) {
    const entry = await lost(run);
    assert.ok(entry, run);
    assert.equal(decode<LostRecord>(entry).job, 'default/job');
    assert.equal(await trigger(run), undefined);
  }
  for (const run of ['unspawned', 'spawned', 'late']) assert.equal(await lock(run), undefined);
  assert.equal((await coordinator.get(foreign))?.session, other);
  assert.equal(await coordinator.sessionExists(session), false);
  // Released before the session ended: no lock delay for the next holder.
  const key = lockPath('default/job', 'spawned' as RunId);
  assert.ok((await coordinator.transact([{ verb: 'lock', key, value, session: other }])).ok);
  await coordinator.close();
});

test('the lock of an attempt that is still being ended is kept until it has', async () => {
  const { coordinator, session, estate, lock, lost } = await setUp({ ending: future });
  const status: Record<string, AttemptStatus> = { ending: 'running' };
  const done = handOver(coordinator, estate(status), quiet);
  await new Promise(resolve => setTimeout(resolve, 120));
  assert.equal((await lock('ending'))?.session, session);
  status.ending = 'ended';
  assert.equal(await done, true);
  assert.ok(await lost('ending'));
  await coordinator.close();
});

test('a session that ended first leaves orphans, which are settled as well', async () => {
  const { coordinator, session, estate, lock, trigger, lost } = await setUp({ unspawned: future, spawned: future });
  await coordinator.destroySession(session);
  assert.equal(await handOver(coordinator, estate({ spawned: 'ended' }), quiet), true);
  assert.ok((await trigger('unspawned')) && (await lost('spawned')));
  assert.ok(!(await lock('unspawned')) && !(await lock('spawned')));
  await coordinator.close();
});

test('what the journal may have forgotten is never started a second time', async () => {
  const { coordinator, estate, trigger, lost } = await setUp({ old: future });
  await handOver(coordinator, estate({}, { forgottenUntil: tick + 1 }), quiet);
  assert.ok((await lost('old')) && !(await trigger('old')));
  await coordinator.close();
});

test('a trigger that is there already is left as it is, and the others are not held up', async () => {
  const { coordinator, estate, lock, trigger } = await setUp({ twice: future, once: future });
  const key = triggerPath('default/job', 'twice' as RunId);
  await coordinator.transact([{ verb: 'cas', key, value: 'there', index: 0 }]);
  assert.equal(await handOver(coordinator, estate({}), quiet), true);
  assert.equal((await trigger('twice'))?.value, 'there');
  assert.ok(await trigger('once'));
  assert.ok(!(await lock('twice')) && !(await lock('once')));
  await coordinator.close();
});

test('many locks take several transactions', async () => {
  const locks = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`run-${i}`, future]));
  const { coordinator, estate, trigger } = await setUp(locks);
  assert.equal(await handOver(coordinator, estate({}), quiet), true);
  for (const run of Object.keys(locks)) assert.ok(await trigger(run), run);
  await coordinator.close();
});

test('Consul away is tried again, and given up in the end', async () => {
  const { coordinator, estate, trigger } = await setUp({ unspawned: future });
  let failures = 3;
  const flaky: Coordinator = Object.create(coordinator, {
    list: {
      value: (...call: Parameters<Coordinator['list']>) => {
        if (failures-- > 0) throw new CoordinationError('away', 'refused');
        return coordinator.list(...call);
      },
    },
    transact: { value: coordinator.transact.bind(coordinator) },
    destroySession: { value: coordinator.destroySession.bind(coordinator) },
  });
  failures = Number.POSITIVE_INFINITY;
  assert.equal(await handOver(flaky, estate({}), { ...quiet, patience: 300 }), false);
  failures = 3;
  assert.equal(await handOver(flaky, estate({}), quiet), true);
  assert.ok(await trigger('unspawned'));
  await coordinator.close();
});

const outlives = { handovers: 0, since: tick, until: future, revision: 3, labels: { region: 'north' } };

/** Locks of runs that go on without their worker. */
async function setUpOutliving(locks: Readonly<Record<string, number>>) {
  const parts = await setUp({});
  const { coordinator, session } = parts;
  for (const [run, handovers] of Object.entries(locks)) {
    const key = lockPath('default/job', run as RunId);
    const value = encode({ ...record(run, future), outlives: { ...outlives, handovers } });
    await coordinator.transact([{ verb: 'lock', key, value, session }]);
  }
  return parts;
}

test('what goes on without its worker is handed over with its lock, what never began is handed back', async () => {
  const { coordinator, other, estate, lock, trigger, lost } = await setUpOutliving({
    spawned: 0,
    unspawned: 0,
    adopted: 3,
  });
  const before = await lock('spawned');
  // An adopted one goes on, whatever this supervisor came to.
  assert.equal(await handOver(coordinator, estate({ spawned: 'ended' }), quiet), true);
  for (const [run, handovers] of [
    ['spawned', 1],
    ['adopted', 4],
  ] as const) {
    const entry = await trigger(run);
    assert.ok(entry, run);
    const { adopts, deadline, epoch, attempt } = decode<TriggerRecord>(entry);
    const { until: _until, ...kept } = outlives;
    assert.deepEqual(adopts, { ...kept, handovers, lock: lockPath('default/job', run as RunId) });
    assert.deepEqual([deadline, epoch, attempt], [future, 0, 2]);
    assert.equal((await lock(run))?.session, undefined);
    assert.equal(await lost(run), undefined);
  }
  assert.equal((await lock('spawned'))?.value, before?.value);
  const handedBack = await trigger('unspawned');
  assert.equal(handedBack && decode<TriggerRecord>(handedBack).adopts, undefined);
  assert.equal(await lock('unspawned'), undefined);
  // It was let go of: no lock delay for whoever adopts it.
  const key = lockPath('default/job', 'spawned' as RunId);
  assert.ok((await coordinator.transact([{ verb: 'lock', key, value: '', session: other }])).ok);
  await coordinator.close();
});

test('one whose session ended first is handed over as well, and keeps its lock', async () => {
  const { coordinator, session, estate, lock, trigger } = await setUpOutliving({ spawned: 0 });
  await coordinator.destroySession(session);
  const before = await lock('spawned');
  assert.equal(await handOver(coordinator, estate({ spawned: 'ended' }), quiet), true);
  assert.ok(await trigger('spawned'));
  assert.deepEqual(await lock('spawned'), before);
  await coordinator.close();
});

test('nothing is asked for a second time where another worker has adopted the run in between', async () => {
  const { coordinator, session, other, estate, lock, trigger } = await setUpOutliving({ spawned: 0 });
  const key = lockPath('default/job', 'spawned' as RunId);
  const { value = '' } = (await lock('spawned')) ?? {};
  await coordinator.transact([{ verb: 'unlock', key, value, session }]);
  let between = false;
  const slow = new Proxy(coordinator, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        if (name === 'transact' && !between) {
          between = true;
          const adopted = { ...record('spawned', future), worker: 'worker-2' as WorkerId, outlives };
          await coordinator.transact([{ verb: 'lock', key, value: encode(adopted), session: other }]);
        }
        return await value.apply(target, args);
      };
    },
  });
  assert.equal(await handOver(slow as Coordinator, estate({ spawned: 'ended' }), quiet), true);
  assert.equal(await trigger('spawned'), undefined);
  assert.equal((await lock('spawned'))?.session, other);
  await coordinator.close();
});

test('where it is asked for already, the lock is let go of all the same', async () => {
  const { coordinator, estate, lock, trigger } = await setUpOutliving({ spawned: 0 });
  const key = triggerPath('default/job', 'spawned' as RunId);
  await coordinator.transact([{ verb: 'set', key, value: '{"v":1}' }]);
  assert.equal(await handOver(coordinator, estate({ spawned: 'ended' }), quiet), true);
  assert.equal((await trigger('spawned'))?.value, '{"v":1}');
  assert.ok(await lock('spawned'));
  assert.equal((await lock('spawned'))?.session, undefined);
  await coordinator.close();
});
