import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Entry } from '../../../src/coordination/coordinator.ts';
import { type WatchMeta, watchKey, watchKeys, watchList } from '../../../src/coordination/watch.ts';
import { type Context, commit, fresh, Heard, indexOf } from './subject.ts';

const never = new AbortController().signal;
/** Longer than any test: an answer before it was woken. */
const wait = 60_000;

interface Report {
  readonly value: string | undefined;
  readonly reset: boolean;
}

export function watchSuite(context: Context): void {
  describe('blocking reads', () => {
    test('of a key: answers at its creation, its change and its deletion', async () => {
      const { coordinator } = context();
      const key = `${fresh()}a`;
      const none = await coordinator.block(key, { index: 0, wait, signal: never });
      assert.equal(none.value, undefined);
      let blocked = coordinator.block(key, { index: none.index, wait, signal: never });
      await commit(coordinator, { verb: 'set', key, value: '1' });
      const created = await blocked;
      assert.equal(created.value?.value, '1');
      assert.ok(created.index > none.index);
      blocked = coordinator.block(key, { index: created.index, wait, signal: never });
      await commit(coordinator, { verb: 'set', key, value: '2' });
      const changed = await blocked;
      assert.equal(changed.value?.value, '2');
      blocked = coordinator.block(key, { index: changed.index, wait, signal: never });
      await commit(coordinator, { verb: 'delete', key });
      const deleted = await blocked;
      assert.equal(deleted.value, undefined);
      assert.ok(deleted.index > changed.index);
    });

    test('answer at once where the index has passed, and after the wait where nothing happens', async () => {
      const { coordinator } = context();
      const key = `${fresh()}a`;
      await commit(coordinator, { verb: 'set', key, value: '1' });
      const index = await indexOf(coordinator, key);
      const behind = await coordinator.block(key, { index: index - 1, wait, signal: never });
      assert.equal(behind.index, index);
      const quiet = await coordinator.block(key, { index, wait: 50, signal: never });
      assert.equal(quiet.index, index);
      assert.equal(quiet.value?.value, '1');
    });

    test('of a prefix: wake at any change below it, also where only the first level is read', async () => {
      const { coordinator } = context();
      const at = fresh();
      await commit(coordinator, { verb: 'set', key: `${at}ns/one`, value: '1' });
      const list = await coordinator.blockList(at, { index: 0, wait, signal: never });
      const keys = await coordinator.blockKeys(at, { index: 0, wait, signal: never, separator: '/' });
      assert.deepEqual(keys.value, [`${at}ns/`]);
      const lists = coordinator.blockList(at, { index: list.index, wait, signal: never });
      const levels = coordinator.blockKeys(at, { index: keys.index, wait, signal: never, separator: '/' });
      await commit(coordinator, { verb: 'set', key: `${at}ns/one`, value: '2' });
      assert.equal((await lists).value[0]?.value, '2');
      const level = await levels;
      assert.deepEqual(level.value, [`${at}ns/`]);
      const deleted = coordinator.blockKeys(at, { index: level.index, wait, signal: never, separator: '/' });
      await commit(coordinator, { verb: 'delete', key: `${at}ns/one` });
      assert.deepEqual((await deleted).value, []);
    });

    test('end with their signal', async () => {
      const { coordinator } = context();
      const key = `${fresh()}a`;
      await commit(coordinator, { verb: 'set', key, value: '1' });
      const index = await indexOf(coordinator, key);
      const aborting = new AbortController();
      const blocked = coordinator.block(key, { index, wait, signal: aborting.signal });
      aborting.abort();
      await assert.rejects(blocked, { name: 'AbortError' });
      await assert.rejects(coordinator.block(key, { index, wait, signal: aborting.signal }), { name: 'AbortError' });
    });
  });

  describe('watches', () => {
    /** A watch of a key with what it heard; ends with the test. */
    function listen(key: string, then: (report: Report) => void = () => {}) {
      const ending = new AbortController();
      const heard = new Heard<Report>();
      const errors: unknown[] = [];
      const ended = watchKey(context().coordinator, key, {
        signal: ending.signal,
        spacing: 10,
        // A restore between two reads shows at the end of the wait, one during a read at once.
        wait: 500,
        backoff: { initial: 20, maximum: 100, factor: 2 },
        onChange: (entry: Entry | undefined, { reset }: WatchMeta) => {
          const report = { value: entry?.value, reset };
          heard.add(report);
          then(report);
        },
        onError: error => errors.push(error),
      });
      const end = async () => {
        ending.abort();
        await ended;
      };
      return { heard, errors, end };
    }

    test('report what is there, then each change, until they are ended', async () => {
      const { coordinator } = context();
      const key = `${fresh()}a`;
      const { heard, errors, end } = listen(key);
      await heard.first('nothing yet', ({ value }) => value === undefined);
      for (const value of ['1', '2', '3']) {
        await commit(coordinator, { verb: 'set', key, value });
        await heard.first(value, report => report.value === value);
      }
      await end();
      const count = heard.all.length;
      await commit(coordinator, { verb: 'set', key, value: '4' });
      assert.equal(heard.all.length, count);
      assert.deepEqual(errors, []);
      assert.ok(heard.all.every(({ reset }) => !reset));
    });

    test('a listener that throws is told again, and ends nothing', async () => {
      const { coordinator } = context();
      const key = `${fresh()}a`;
      await commit(coordinator, { verb: 'set', key, value: 'bad' });
      let failures = 0;
      const { heard, errors, end } = listen(key, ({ value }) => {
        if (value === 'bad' && failures++ === 0) throw new Error('the listener failed');
      });
      await heard.first('told', ({ value }) => value === 'bad');
      await heard.first('told again', ({ value }) => value === 'bad', 1);
      assert.equal(errors.length, 1);
      await commit(coordinator, { verb: 'set', key, value: 'good' });
      await heard.first('the next', ({ value }) => value === 'good');
      await end();
    });

    test('a busy key costs no more than the spacing allows, and its last value is reported', async () => {
      const { coordinator } = context();
      const key = `${fresh()}a`;
      const heard = new Heard<string | undefined>();
      const ending = new AbortController();
      const started = performance.now();
      const options = { signal: ending.signal, spacing: 100, onChange: (e: Entry | undefined) => heard.add(e?.value) };
      const ended = watchKey(coordinator, key, options);
      for (let i = 0; i < 60; i++) await commit(coordinator, { verb: 'set', key, value: String(i) });
      await heard.first('the last', value => value === '59');
      assert.ok(heard.all.length <= 2 + (performance.now() - started) / 100, `${heard.all.length} reads`);
      ending.abort();
      await ended;
    });

    test('lists and keys are followed alike', async () => {
      const { coordinator } = context();
      const at = fresh();
      const ending = new AbortController();
      const lists = new Heard<number>();
      const levels = new Heard<string>();
      const ended = Promise.all([
        watchList(coordinator, at, { signal: ending.signal, onChange: list => lists.add(list.length) }),
        watchKeys(coordinator, at, {
          signal: ending.signal,
          separator: '/',
          onChange: keys => levels.add(keys.join()),
        }),
      ]);
      await commit(coordinator, { verb: 'set', key: `${at}a/1`, value: '' }, { verb: 'set', key: `${at}b`, value: '' });
      await lists.first('both', count => count === 2);
      await levels.first('the first level', keys => keys === `${at}a/,${at}b`);
      ending.abort();
      await ended;
    });

    test('a restored snapshot is noticed: the past is reported as a reset', async () => {
      const { coordinator, snapshot } = context();
      const key = `${fresh()}a`;
      await commit(coordinator, { verb: 'set', key, value: 'past' });
      const restore = await snapshot();
      await commit(coordinator, { verb: 'set', key, value: 'present' });
      const { heard, end } = listen(key);
      await heard.first('the present', ({ value }) => value === 'present');
      await restore();
      await heard.first('the past', ({ value, reset }) => value === 'past' && reset);
      await commit(coordinator, { verb: 'set', key, value: 'future' });
      await heard.first('what follows', ({ value, reset }) => value === 'future' && !reset);
      await end();
    });

    test('an emptied store is noticed, and what is written then is reported', async () => {
      const { coordinator, wipe } = context();
      const key = `${fresh()}a`;
      for (let i = 0; i < 50; i++) await commit(coordinator, { verb: 'set', key, value: `before ${i}` });
      const { heard, end } = listen(key);
      await heard.first('before', ({ value }) => value === 'before 49');
      await wipe();
      await heard.first('nothing', ({ value, reset }) => value === undefined && reset);
      await commit(coordinator, { verb: 'set', key, value: 'after' });
      await heard.first('after', ({ value }) => value === 'after');
      await end();
    });
  });
}
