import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeJob } from '../../../test/support/workers.ts';
import type { Entry } from '../../coordination/coordinator.ts';
import { letGo } from '../../coordination/handover.ts';
import { lockPath } from '../../coordination/keys.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { encode, type LockRecord } from '../../coordination/records.ts';
import type { JobUid } from '../../domain/job/job.ts';
import type { JobSpecInput } from '../../domain/job/spec.ts';
import type { RunId, WorkerId } from '../../domain/run/run.ts';
import { type JobEntry, toEntry } from '../agenda/entry.ts';
import { type AdoptionTrigger, entryOf, isLeftFor } from './adoption.ts';
import { seenLock } from './seen.ts';
import { asSeen, freeLock } from './slot-choice.ts';
import { Slots } from './slots.ts';

const kubernetes = { template: { spec: { containers: [{ name: 'main', image: 'busybox' }] } } };
const key = lockPath('default/job', 0);
const one = 'uid-m-one' as RunId;
const two = 'uid-m-two' as RunId;

function entryFor(spec: Partial<JobSpecInput>): JobEntry {
  const record = makeJob('job', { schedule: '@yearly', concurrencyPolicy: 'Forbid', ...spec });
  const { executor, placement } = record.spec;
  return toEntry(record, 7, { name: 'any', sample: { executor, placement } });
}

const pods = entryFor({ executor: { kubernetes } });
const shell = entryFor({});

function lockOf(run: RunId, outlives: boolean): LockRecord {
  const rest = {
    attempt: 1,
    worker: 'w' as WorkerId,
    jobUid: 'uid' as JobUid,
    trigger: 'manual',
    deadline: 1,
  } as const;
  return { v: 1, run, ...rest, ...(outlives && { outlives: { handovers: 0, since: 1, until: 2, revision: 1 } }) };
}

const seenWith = (entry: Entry | undefined) => ({
  cursor: { index: 0, record: undefined },
  locks: [seenLock(entry)],
  at: 0,
});

test('the lock of a run that goes on counts as held without a session; an orphan’s is free', async () => {
  const slots = new Slots(Date.now);
  const entry = (outlives: boolean): Entry => ({ key, value: encode(lockOf(one, outlives)), index: 3, lockIndex: 1 });
  assert.equal(freeLock(pods, two, seenWith(entry(true)), slots, false), undefined);
  // Made a shell job meanwhile: the run goes on all the same.
  assert.equal(freeLock(shell, two, seenWith(entry(true)), slots, false), undefined);
  assert.equal(freeLock(shell, two, seenWith(entry(false)), slots, false), key);
});

test('a slot that was let go of since it was seen free is not taken', async () => {
  const coordinator = new MemoryCoordinator();
  const options = { name: '', ttl: 20_000, lockDelay: 15_000, serviceChecks: [] };
  const [first, second] = [await coordinator.createSession(options), await coordinator.createSession(options)];
  const before = seenWith(await coordinator.get(key));
  const value = encode(lockOf(one, true));
  await coordinator.transact([{ verb: 'lock', key, value, session: first }]);
  const held = await coordinator.get(key);
  assert.ok(held);
  await coordinator.transact(letGo(held, first));
  const guard = asSeen(pods, key, before);
  assert.ok(guard);
  const take = { verb: 'lock', key, value: encode(lockOf(two, true)), session: second } as const;
  assert.equal((await coordinator.transact([guard, take])).ok, false);
  // Nothing else would have kept it: there is no lock delay after it was let go of.
  assert.equal((await coordinator.transact([take])).ok, true);
  assert.equal(asSeen(shell, key, before), undefined);
  await coordinator.close();
});

test('a run is adopted as what it is, whatever its job has become', () => {
  const { uid } = pods;
  const adopts = { handovers: 1, since: 1, revision: 4, lock: lockPath('default/job', 3) };
  const rest = { attempt: 1, kind: 'manual', deadline: 61_000, requestedAt: 0, epoch: 0, by: '' } as const;
  const trigger: AdoptionTrigger = { v: 1, run: one, jobUid: uid, ...rest, adopts };
  const known = entryOf(trigger, 'default/job', pods, pods.eligibility, 1_000);
  assert.deepEqual([known.body, known.revision, known.policy], [pods.body, 4, 'Allow']);
  const others = [shell, { ...shell, uid }, undefined].map(job =>
    entryOf(trigger, 'default/job', job, pods.eligibility, 1_000),
  );
  for (const entry of others) {
    assert.equal(entry.key, 'default/job');
    assert.equal(entry.uid, uid);
    assert.equal(entry.slots, 1);
    assert.ok(entry.outlivesWorker);
    assert.deepEqual(JSON.parse(entry.body).timeoutSeconds, 60);
  }
  assert.equal(others[0]?.schedule.next(0), undefined);
  const unlimited = { ...trigger, adopts: { ...adopts, lock: lockPath('default/job', one) } };
  assert.equal(entryOf(unlimited, 'default/job', pods, pods.eligibility, 0).slots, undefined);
});

test('an adopter takes the lock that was left for the run, and waits for another’s', () => {
  const trigger = { run: one } as AdoptionTrigger;
  const lock = (run: RunId, session?: string): Entry => {
    return { key, value: encode(lockOf(run, true)), index: 1, lockIndex: 1, ...(session !== undefined && { session }) };
  };
  assert.ok(isLeftFor(trigger, undefined));
  assert.ok(isLeftFor(trigger, lock(one)));
  assert.ok(!isLeftFor(trigger, lock(one, 'another has adopted it')));
  assert.ok(!isLeftFor(trigger, lock(two)));
});
