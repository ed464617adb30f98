import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  CoordinationError,
  maxOperations,
  maxValueBytes,
  type Operation,
} from '../../../src/coordination/coordinator.ts';
import { transactionBytes } from '../../../src/coordination/limits.ts';
import { type Context, commit, fresh, indexOf, refused, session } from './subject.ts';

export function keysSuite(context: Context): void {
  describe('keys', () => {
    test('what is not there reads as nothing', async () => {
      const { coordinator } = context();
      const at = fresh();
      assert.equal(await coordinator.get(`${at}a`), undefined);
      assert.deepEqual(await coordinator.list(at), []);
      assert.deepEqual(await coordinator.keys(at), []);
      assert.deepEqual(await coordinator.keys(at, { separator: '/' }), []);
    });

    test('values come back as they were written, the empty one and other scripts too', async () => {
      const { coordinator } = context();
      const at = fresh();
      const values = ['', 'plain', 'Grüße 世界 🕰', '{"a":"\\n\\u0000"}'];
      await commit(coordinator, ...values.map((value, i) => ({ verb: 'set', key: `${at}${i}`, value }) as const));
      const listed = await coordinator.list(at, { consistent: true });
      assert.deepEqual(
        listed.map(entry => entry.value),
        values,
      );
      assert.equal((await coordinator.get(`${at}2`))?.value, values[2]);
    });

    test('lists are in key order; with a separator, keys stop at it', async () => {
      const { coordinator } = context();
      const at = fresh();
      const keys = ['b', 'a/2', 'a/1', 'c/x/y'];
      await commit(coordinator, ...keys.map(key => ({ verb: 'set', key: at + key, value: key }) as const));
      assert.deepEqual(await coordinator.keys(at), [`${at}a/1`, `${at}a/2`, `${at}b`, `${at}c/x/y`]);
      assert.deepEqual(await coordinator.keys(at, { separator: '/' }), [`${at}a/`, `${at}b`, `${at}c/`]);
      assert.deepEqual(
        (await coordinator.list(`${at}a/`)).map(entry => entry.key),
        [`${at}a/1`, `${at}a/2`],
      );
    });

    test('all keys of a transaction share an index, and the next has a larger one', async () => {
      const { coordinator } = context();
      const at = fresh();
      const write = (value: string) => ['a', 'b'].map(key => ({ verb: 'set', key: at + key, value }) as const);
      const [a, b] = await commit(coordinator, ...write('1'));
      assert.ok(a && b);
      assert.equal(a.index, b.index);
      assert.equal(a.value, '', 'values of writes are left out');
      const [later] = await commit(coordinator, ...write('2'));
      assert.ok(later && later.index > a.index);
    });

    test('writing what is there raises no index', async () => {
      const { coordinator } = context();
      const key = `${fresh()}a`;
      await commit(coordinator, { verb: 'set', key, value: 'same' });
      const before = await indexOf(coordinator, key);
      await commit(coordinator, { verb: 'set', key, value: 'same' });
      assert.equal(await indexOf(coordinator, key), before);
    });
  });

  describe('transactions', () => {
    test('check-and-set: one of many wins', async () => {
      const { coordinator } = context();
      const key = `${fresh()}a`;
      const tries = Array.from({ length: 10 }, (_, i) =>
        coordinator.transact([{ verb: 'cas', key, value: String(i), index: 0 }]),
      );
      assert.equal((await Promise.all(tries)).filter(({ ok }) => ok).length, 1);
      const index = await indexOf(coordinator, key);
      await commit(coordinator, { verb: 'cas', key, value: 'next', index });
      assert.deepEqual(await refused(coordinator, { verb: 'cas', key, value: 'late', index }), [0]);
      assert.equal((await coordinator.get(key))?.value, 'next');
    });

    test('every operation that does not hold is named, and nothing is changed', async () => {
      const { coordinator } = context();
      const at = fresh();
      const mine = await session(coordinator);
      await commit(coordinator, { verb: 'set', key: `${at}there`, value: 'v' });
      const failures = await refused(
        coordinator,
        { verb: 'set', key: `${at}new`, value: 'v' },
        { verb: 'get', key: `${at}none` },
        { verb: 'cas', key: `${at}there`, value: 'w', index: 1 },
        { verb: 'cas', key: `${at}there`, value: 'w', index: 0 },
        { verb: 'get-or-empty', key: `${at}none` },
        { verb: 'check-index', key: `${at}there`, index: 1 },
        { verb: 'check-index', key: `${at}none`, index: 1 },
        { verb: 'check-not-exists', key: `${at}there` },
        { verb: 'check-not-exists', key: `${at}none` },
        { verb: 'check-session', key: `${at}there`, session: mine },
        { verb: 'unlock', key: `${at}there`, value: '', session: mine },
        { verb: 'delete-cas', key: `${at}there`, index: 1 },
        { verb: 'lock', key: `${at}lock`, value: '', session: '5b9a1f6e-0000-4000-8000-000000000000' },
      );
      assert.deepEqual(failures, [1, 2, 3, 5, 6, 7, 9, 10, 11, 12]);
      assert.deepEqual(
        (await coordinator.list(at)).map(({ key, value }) => [key, value]),
        [[`${at}there`, 'v']],
      );
    });

    test('results stand at the place of their operations, and later operations see earlier ones', async () => {
      const { coordinator } = context();
      const at = fresh();
      const [a] = await commit(coordinator, { verb: 'set', key: `${at}a`, value: 'a' });
      const results = await commit(
        coordinator,
        { verb: 'delete', key: `${at}none` },
        { verb: 'get-or-empty', key: `${at}none` },
        { verb: 'check-index', key: `${at}a`, index: a?.index ?? 0 },
        { verb: 'get', key: `${at}a` },
        { verb: 'check-not-exists', key: `${at}none` },
        { verb: 'set', key: `${at}b`, value: 'b' },
        { verb: 'get', key: `${at}b` },
        { verb: 'delete-cas', key: `${at}a`, index: a?.index ?? 0 },
        { verb: 'get-or-empty', key: `${at}a` },
        { verb: 'delete-cas', key: `${at}none`, index: 7 },
        { verb: 'get', key: `${at}b` },
      );
      assert.deepEqual(
        results.map(entry => entry?.value),
        [undefined, undefined, undefined, 'a', undefined, '', 'b', undefined, undefined, undefined, 'b'],
      );
    });

    test(`takes ${maxOperations} operations and refuses more, and none`, async () => {
      const { coordinator } = context();
      const at = fresh();
      const sets = (count: number): Operation[] =>
        Array.from({ length: count }, (_, i) => ({ verb: 'set', key: at + i, value: 'v' }));
      await commit(coordinator, ...sets(maxOperations));
      await assert.rejects(coordinator.transact(sets(maxOperations + 1)), isRefused(413));
      await assert.rejects(coordinator.transact([]), isRefused(400));
    });

    test('takes what is as large as may be, and refuses more', async () => {
      const { coordinator } = context();
      const key = `${fresh()}large`;
      const set = (size: number): Operation => ({ verb: 'set', key, value: 'x'.repeat(size) });
      const most = Math.floor((maxValueBytes - transactionBytes([set(0)])) / 4) * 3;
      await commit(coordinator, set(most));
      assert.equal((await coordinator.get(key))?.value.length, most);
      await assert.rejects(coordinator.transact([set(most + 1)]), isRefused(413));
    });

    test('128 full operations are never larger than they are taken for', async () => {
      const { coordinator } = context();
      const at = fresh();
      const holder = await session(coordinator);
      const value = 'y'.repeat(2_850);
      const locks = Array.from(
        { length: maxOperations },
        (_, i): Operation => ({ verb: 'lock', key: `${at}a-key-of-some-length/${i}`, value, session: holder }),
      );
      assert.ok(transactionBytes(locks) > maxValueBytes * 0.97, `${transactionBytes(locks)} bytes`);
      await commit(coordinator, ...locks);
    });

    test('is not sent with an aborted signal', async () => {
      const { coordinator } = context();
      const key = `${fresh()}a`;
      await assert.rejects(coordinator.transact([{ verb: 'set', key, value: 'v' }], AbortSignal.abort()), {
        name: 'AbortError',
      });
      assert.equal(await coordinator.get(key), undefined);
    });
  });
}

export function isRefused(status: number): (error: unknown) => boolean {
  return error =>
    error instanceof CoordinationError && error.effect === 'refused' && error.status === status && error.message !== '';
}
