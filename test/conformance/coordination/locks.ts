import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Coordinator, Operation, SessionId } from '../../../src/coordination/coordinator.ts';
import { claimsPerTransaction } from '../../../src/domain/policy/timing.ts';
import { eventually } from '../../support/process.ts';
import { isRefused } from './keys.ts';
import { type Context, commit, fresh, indexOf, refused, session } from './subject.ts';

export function locksSuite(context: Context): void {
  describe('locks', () => {
    test('one session holds it; the holder may lock again', async () => {
      const { coordinator } = context();
      const key = `${fresh()}lock`;
      const [mine, other] = [await session(coordinator), await session(coordinator)];
      const [first] = await commit(coordinator, { verb: 'lock', key, value: '1', session: mine });
      assert.equal(first?.lockIndex, 1);
      assert.equal(first?.session, mine);
      assert.deepEqual(await refused(coordinator, { verb: 'lock', key, value: '2', session: other }), [0]);
      assert.deepEqual(await refused(coordinator, { verb: 'unlock', key, value: '2', session: other }), [0]);
      assert.deepEqual(await refused(coordinator, { verb: 'check-session', key, session: other }), [0]);
      const [again] = await commit(coordinator, { verb: 'lock', key, value: '3', session: mine });
      assert.equal(again?.lockIndex, 1);
      await commit(coordinator, { verb: 'check-session', key, session: mine });
      assert.equal((await coordinator.get(key))?.value, '3');
    });

    test('unlocked, it is free at once; unlocked and deleted in one transaction, it counts from 1 again', async () => {
      const { coordinator } = context();
      const key = `${fresh()}lock`;
      const [mine, other] = [await session(coordinator, 60_000), await session(coordinator)];
      await commit(coordinator, { verb: 'lock', key, value: '', session: mine });
      await commit(coordinator, { verb: 'unlock', key, value: '', session: mine });
      const [second] = await commit(coordinator, { verb: 'lock', key, value: '', session: other });
      assert.equal(second?.lockIndex, 2);
      await commit(coordinator, { verb: 'unlock', key, value: '', session: other }, { verb: 'delete', key });
      assert.equal(await coordinator.get(key), undefined);
      const [third] = await commit(coordinator, { verb: 'lock', key, value: '', session: mine });
      assert.equal(third?.lockIndex, 1);
    });

    test('a plain write leaves the holder and forgets how often the lock was taken', async () => {
      const { coordinator } = context();
      const key = `${fresh()}lock`;
      const mine = await session(coordinator);
      await commit(coordinator, { verb: 'lock', key, value: '1', session: mine });
      await commit(coordinator, { verb: 'set', key, value: '2' });
      const entry = await coordinator.get(key);
      assert.equal(entry?.session, mine);
      assert.equal(entry?.lockIndex, 0);
    });

    test('a lost session leaves an orphan, and its lock delay keeps others out', async () => {
      const { coordinator, lose } = context();
      const key = `${fresh()}lock`;
      const [mine, other] = [await session(coordinator, 700), await session(coordinator)];
      await commit(coordinator, { verb: 'lock', key, value: 'run', session: mine });
      const before = await indexOf(coordinator, key);
      const lost = performance.now();
      await lose(mine);
      assert.equal(await coordinator.sessionExists(mine), false);
      const orphan = await coordinator.get(key, { consistent: true });
      assert.equal(orphan?.value, 'run');
      assert.equal(orphan?.session, undefined);
      assert.ok(orphan && orphan.index > before);
      const take: Operation = { verb: 'lock', key, value: 'next', session: other };
      assert.deepEqual(await refused(coordinator, take), [0]);
      const impossible: Operation = { verb: 'check-not-exists', key };
      assert.ok((await refused(coordinator, take, impossible)).includes(0), 'told without being able to take it');
      const taken = await eventually('the lock', async () => {
        const result = await coordinator.transact([take]);
        return result.ok && result.entries[0];
      });
      assert.ok(performance.now() - lost >= 690, 'the lock delay had not passed');
      assert.equal(taken.lockIndex, 2, 'says that an orphan was taken over');
      await commit(coordinator, { verb: 'unlock', key, value: '', session: other });
      assert.deepEqual(await refused(coordinator, take, impossible), [1], 'free, and not taken by what can not hold');
      assert.equal((await coordinator.get(key, { consistent: true }))?.session, undefined);
    });

    test('a session that is gone can neither be renewed nor lock', async () => {
      const { coordinator } = context();
      const gone = await session(coordinator);
      assert.equal(await coordinator.sessionExists(gone), true);
      await coordinator.renewSession(gone);
      await coordinator.destroySession(gone);
      await coordinator.destroySession(gone);
      assert.equal(await coordinator.sessionExists(gone), false);
      await assert.rejects(coordinator.renewSession(gone), isRefused(404));
      const key = `${fresh()}lock`;
      assert.deepEqual(await refused(coordinator, { verb: 'lock', key, value: '', session: gone }), [0]);
    });
  });

  describe('claims', () => {
    test(`${claimsPerTransaction} claims are one transaction of 128 operations with one index`, async () => {
      const { coordinator } = context();
      const at = fresh();
      const mine = await session(coordinator);
      const jobs = await prepare(coordinator, at);
      const claim = await claims(coordinator, at, jobs, mine);
      assert.equal(claim.length, 128);
      const entries = (await commit(coordinator, ...claim)).filter(entry => entry?.key.startsWith(`${at}lock/`));
      assert.equal(entries.length, claimsPerTransaction);
      assert.equal(new Set(entries.map(entry => entry?.index)).size, 1);
      assert.ok(entries.every(entry => entry?.lockIndex === 1 && entry.session === mine));
    });

    test('a second claim of the same ticks fails at lane, cursors and locks', async () => {
      const { coordinator } = context();
      const at = fresh();
      const jobs = await prepare(coordinator, at);
      const [first, second] = [await session(coordinator), await session(coordinator)];
      const late = await claims(coordinator, at, jobs, second);
      await commit(coordinator, ...(await claims(coordinator, at, jobs, first)));
      const failures = await refused(coordinator, ...late);
      const expected = late.flatMap(({ verb }, i) => (verb === 'cas' || verb === 'lock' ? [i] : []));
      assert.deepEqual(failures, expected);
    });

    test('an edited job is named; the others, sent again without it, commit', async () => {
      const { coordinator } = context();
      const at = fresh();
      const mine = await session(coordinator);
      const jobs = await prepare(coordinator, at);
      const claim = await claims(coordinator, at, jobs, mine);
      await commit(coordinator, { verb: 'set', key: `${at}jobs/7`, value: 'edited' });
      const failures = await refused(coordinator, ...claim);
      assert.deepEqual(failures, [2 + 7 * 3]);
      await commit(coordinator, ...claim.filter((_, i) => Math.floor((i - 2) / 3) !== 7));
      assert.equal((await coordinator.keys(`${at}lock/`)).length, claimsPerTransaction - 1);
    });

    test('a trigger is claimed once', async () => {
      const { coordinator } = context();
      const at = fresh();
      const [one, two] = [await session(coordinator), await session(coordinator)];
      const key = `${at}trigger`;
      await commit(coordinator, { verb: 'set', key, value: 'wanted' });
      const index = await indexOf(coordinator, key);
      const take = (holder: SessionId, slot: number): readonly Operation[] => [
        { verb: 'check-index', key, index },
        { verb: 'delete-cas', key, index },
        { verb: 'lock', key: `${at}lock/${slot}`, value: '', session: holder },
      ];
      const results = await Promise.all([coordinator.transact(take(one, 0)), coordinator.transact(take(two, 1))]);
      assert.equal(results.filter(({ ok }) => ok).length, 1);
      assert.equal((await coordinator.keys(`${at}lock/`)).length, 1);
    });
  });
}

async function prepare(coordinator: Coordinator, at: string): Promise<readonly number[]> {
  const jobs = Array.from({ length: claimsPerTransaction }, (_, i) => i);
  await commit(
    coordinator,
    { verb: 'set', key: `${at}epoch`, value: '1' },
    { verb: 'set', key: `${at}lane`, value: '0' },
    ...jobs.map(job => ({ verb: 'set', key: `${at}jobs/${job}`, value: 'spec' }) as const),
  );
  return jobs;
}

/** As in docs/protocol.md: the epoch, the lane, then for each job its key, its cursor and its lock. */
async function claims(
  coordinator: Coordinator,
  at: string,
  jobs: readonly number[],
  holder: SessionId,
): Promise<Operation[]> {
  const index = await indexOf(coordinator, `${at}jobs/0`);
  return [
    { verb: 'get', key: `${at}epoch` },
    { verb: 'cas', key: `${at}lane`, value: holder, index: await indexOf(coordinator, `${at}lane`) },
    ...jobs.flatMap((job): Operation[] => [
      { verb: 'check-index', key: `${at}jobs/${job}`, index },
      { verb: 'cas', key: `${at}cursor/${job}`, value: `tick by ${holder}`, index: 0 },
      { verb: 'lock', key: `${at}lock/${job}`, value: `run of ${holder}`, session: holder },
    ]),
  ];
}
