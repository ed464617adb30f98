import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lockPath, triggerPath } from '../coordination/keys.ts';
import { MemoryCoordinator } from '../coordination/memory/memory.ts';
import { decode, type EpochRecord, encode, type LockRecord, type TriggerRecord } from '../coordination/records.ts';
import type { JobKey, JobUid } from '../domain/job/job.ts';
import type { RunId, WorkerId } from '../domain/run/run.ts';
import { silentLogger } from '../observability/logger.ts';
import type { HeldRun } from './claims/held-run.ts';
import { Lane } from './claims/lane.ts';
import { SeenCache } from './claims/seen.ts';
import { Slots } from './claims/slots.ts';
import { Recovery } from './recovery.ts';

const epoch: EpochRecord = { v: 1, number: 2, floor: 0, beat: 7, leader: 'm', at: 0 };
const nothing = async () => {};

async function setUp(runs: ReadonlyMap<RunId, HeldRun> = new Map()) {
  const coordinator = new MemoryCoordinator();
  const session = await coordinator.createSession({ name: 'w', ttl: 20_000, lockDelay: 0, serviceChecks: [] });
  const lane = new Lane('cron/lane/w/beat');
  const heard: number[] = [];
  const ended: RunId[] = [];
  const recovery = new Recovery({
    coordinator,
    lanes: [lane],
    claimer: { idle: nothing },
    beat: { idle: nothing },
    session: { id: session, renewNow: () => {}, destroy: nothing },
    supervisor: { session: () => {} },
    cache: new SeenCache(Date.now),
    intake: { reread: nothing },
    brakes: { reread: nothing },
    triggers: { reread: nothing },
    slots: new Slots(Date.now),
    runs: { values: () => runs.values(), endUnlocked: ({ run }) => ended.push(run) },
    onHeard: sent => heard.push(sent),
    clock: Date.now,
    logger: silentLogger,
  });
  return { coordinator, session, lane, recovery, heard, ended };
}

test('a beat that was on its way when the lanes were taken over does not count as a lost past', async () => {
  const { coordinator, lane, recovery, heard } = await setUp();
  const late = lane.raise();
  await recovery.prepare(epoch);
  assert.equal(heard.length, 1);
  assert.equal((await coordinator.transact([late])).ok, false, 'it was carried out over the new state');
  assert.equal((await coordinator.transact([lane.raise()])).ok, true);
  await coordinator.close();
});

test('a release of a lock that came back does not, come late, take away the lock of a later run', async () => {
  const { coordinator, session, recovery } = await setUp();
  const key = lockPath('default/job', 0);
  const lock = { verb: 'lock', key, value: '{"v":1,"run":"a"}', session } as const;
  await coordinator.transact([lock]);
  const transact = coordinator.transact.bind(coordinator);
  let release: Parameters<typeof transact>[0] | undefined;
  coordinator.transact = operations => {
    if (operations.some(({ verb }) => verb === 'unlock')) release = operations;
    return transact(operations);
  };
  await recovery.prepare(epoch);
  assert.equal(await coordinator.get(key), undefined);
  await transact([{ ...lock, value: '{"v":1,"run":"b"}' }]);
  assert.ok(release);
  assert.equal((await transact(release)).ok, false);
  assert.equal((await coordinator.get(key))?.session, session);
  await coordinator.close();
});

test('an adoption of which it knows nothing is asked for again: the run goes on, and its lock stays', async () => {
  const { coordinator, session, recovery } = await setUp();
  const key = lockPath('default/job', 0);
  const lock: LockRecord = {
    v: 1,
    run: 'uid-a' as RunId,
    attempt: 1,
    worker: 'w' as WorkerId,
    jobUid: 'uid' as JobUid,
    trigger: 'manual',
    deadline: 1,
    outlives: { handovers: 1, since: 1, until: 2, revision: 1 },
  };
  await coordinator.transact([{ verb: 'lock', key, value: encode(lock), session }]);
  await recovery.prepare(epoch);
  const left = await coordinator.get(key);
  assert.deepEqual([left?.value, left?.session], [encode(lock), undefined]);
  const trigger = await coordinator.get(triggerPath('default/job', lock.run));
  assert.equal(trigger && decode<TriggerRecord>(trigger).adopts?.handovers, 2);
  await coordinator.close();
});

test('runs whose lock is gone are ended, not those that began, or ended, while the locks were read', async () => {
  const runs = new Map<RunId, HeldRun>();
  const { coordinator, session, recovery, ended } = await setUp(runs);
  const hold = async (run: RunId, locked: boolean) => {
    const lockKey = lockPath(`default/${run}` as JobKey, 0);
    if (locked) await coordinator.transact([{ verb: 'lock', key: lockKey, value: `{"v":1,"run":"${run}"}`, session }]);
    runs.set(run, { run, lockKey, entry: { wholes: true } } as unknown as HeldRun);
  };
  await hold('kept' as RunId, true);
  await hold('lost' as RunId, false);
  await hold('over' as RunId, false);
  const transact = coordinator.transact.bind(coordinator);
  coordinator.transact = async operations => {
    const answer = await transact(operations);
    coordinator.transact = transact;
    await hold('new' as RunId, true);
    runs.delete('over' as RunId);
    return answer;
  };
  await recovery.checkLocks();
  assert.deepEqual(ended, ['lost']);
  await coordinator.close();
});
