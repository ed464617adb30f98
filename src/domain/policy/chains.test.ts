import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId } from '../run/run.ts';
import { cycleThrough, endOfWhole, matchesEnd, mismatch } from './chains.ts';
import { countedWith, refusalOf, runsLeft } from './claiming.ts';
import { type CountedEnd, streakWith } from './streak.ts';

describe('the end that is asked for', () => {
  it('is told apart by success and failure; Skipped is only Always', () => {
    const states = ['Succeeded', 'Failed', 'TimedOut', 'Lost', 'Killed', 'Skipped'] as const;
    const matched = (outcome: 'Success' | 'Failure' | 'Always') => states.filter(state => matchesEnd(outcome, state));
    assert.deepEqual(matched('Success'), ['Succeeded']);
    assert.deepEqual(matched('Failure'), ['Failed', 'TimedOut', 'Lost', 'Killed']);
    assert.deepEqual(matched('Always'), states);
  });

  it('of a whole is success when all members had it', () => {
    assert.equal(endOfWhole(['Succeeded', 'Succeeded']), 'Succeeded');
    assert.equal(endOfWhole(['Skipped', 'Succeeded', 'TimedOut', 'Failed']), 'TimedOut');
    assert.equal(endOfWhole(['Succeeded', 'Skipped']), 'Skipped');
  });

  it('is told in one sentence', () => {
    const a = { job: 'a', outcome: 'Success', state: 'Failed' } as const;
    const b = { job: 'b', outcome: 'Failure', state: 'Succeeded' } as const;
    assert.equal(
      mismatch([
        { ...a, state: 'Succeeded' },
        { ...b, state: 'Lost' },
      ]),
      undefined,
    );
    assert.equal(
      mismatch([a, b]),
      'a ended as Failed, asked for is Success; b ended as Succeeded, asked for is Failure',
    );
  });
});

describe('a cycle', () => {
  it('is told with its path, in the order in which the jobs would run', () => {
    const edges = [
      { name: 'c', upstream: 'b' },
      { name: 'c', upstream: 'x' },
      { name: 'b', upstream: 'a' },
      { name: 'x', upstream: 'y' },
    ];
    assert.deepEqual(cycleThrough('a', ['c'], edges), ['a', 'b', 'c', 'a']);
    assert.deepEqual(cycleThrough('a', ['a'], []), ['a', 'a']);
    assert.equal(cycleThrough('d', ['c', 'x'], edges), undefined);
  });
});

describe('the limit of runs', () => {
  const limit = { runs: 2, from: 100 };
  const bounds = { floor: 0, epochFloor: 0, decided: undefined };
  const job = { suspended: false, deadline: 60_000, limit };

  it('refuses the tick beyond it, and counts what a cursor of the same count says', () => {
    const refused = (counted: { from: number; runs: number } | undefined) =>
      refusalOf(1_000, 1_000, { ...bounds, counted }, job);
    assert.equal(refused(undefined), undefined);
    assert.equal(refused({ from: 100, runs: 1 }), undefined);
    assert.equal(refused({ from: 100, runs: 2 }), 'limit');
    assert.equal(refused({ from: 99, runs: 2 }), undefined);
  });

  it('is carried on by whoever moves the cursor', () => {
    assert.deepEqual(countedWith(limit, undefined, 1), { counted: { from: 100, runs: 1 } });
    assert.deepEqual(countedWith(limit, { from: 100, runs: 1 }, 0), { counted: { from: 100, runs: 1 } });
    assert.deepEqual(countedWith(limit, { from: 50, runs: 9 }, 1), { counted: { from: 100, runs: 1 } });
    assert.deepEqual(countedWith(undefined, { from: 50, runs: 9 }, 1), {});
    assert.equal(runsLeft(undefined, undefined), Number.POSITIVE_INFINITY);
  });
});

describe('failures in a row', () => {
  const end = (run: string, at: number, state: CountedEnd['state']): CountedEnd => ({ run: run as RunId, at, state });
  const told = (...ends: CountedEnd[]) =>
    ends.reduce(streakWith, { since: 0, failures: [] }).failures.map(({ run }) => run);

  it('come to the same in whatever order, and however often, they are told', () => {
    const ends = [end('a', 1, 'Failed'), end('b', 2, 'Succeeded'), end('c', 3, 'Lost'), end('d', 4, 'TimedOut')];
    assert.deepEqual(told(...ends), ['c', 'd']);
    assert.deepEqual(told(...ends.toReversed()), ['c', 'd']);
    assert.deepEqual(told(...ends, ...ends), ['c', 'd']);
  });

  it('leave out what was killed or skipped, and what was settled as a success', () => {
    assert.deepEqual(told(end('a', 1, 'Failed'), end('b', 2, 'Killed'), end('c', 3, 'Skipped')), ['a']);
    assert.deepEqual(told(end('a', 1, 'Failed'), end('b', 2, 'Lost'), end('b', 2, 'Succeeded')), []);
  });
});
