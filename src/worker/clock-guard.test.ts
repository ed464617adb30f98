import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { ClockGuard } from './clock-guard.ts';

describe('clock guard', () => {
  let monotonic: number;
  let guard: ClockGuard;

  beforeEach(() => {
    monotonic = 0;
    guard = new ClockGuard({ monotonic: () => monotonic });
  });

  it('is content alone, and takes the largest of several readings as the nearest', () => {
    assert.equal(guard.offset, undefined);
    guard.sample('a', 1_000, 1_900);
    guard.sample('a', 2_000, 2_005);
    assert.equal(guard.offset, 5);
    assert.equal(guard.reason, undefined);
  });

  it('says that it is the own clock that is wrong when the others agree', () => {
    for (const [name, offset] of [
      ['a', -3_000],
      ['b', -3_010],
      ['c', -2_990],
    ] as const)
      guard.sample(name, 10_000 + offset, 10_000);
    assert.match(guard.reason ?? '', /the clock is 29\d\d ms ahead of its peers/);
  });

  it('does not follow one other that is wrong when a third agrees with it', () => {
    guard.sample('wrong', 50_000, 10_000);
    guard.sample('right', 9_999, 10_000);
    assert.equal(guard.reason, undefined);
  });

  it('stops where there is but one other, and the two differ', () => {
    guard.sample('other', 15_000, 10_000);
    assert.match(guard.reason ?? '', /5000 ms behind/);
  });

  it('forgets readings that are old, and takes a beat that did not rise for no new one', () => {
    guard.sample('a', 10_000, 10_100);
    guard.sample('a', 10_000, 25_000);
    assert.equal(guard.offset, 100);
    monotonic = 20_001;
    assert.equal(guard.offset, undefined);
  });

  it('sees steps of the wall clock against the monotonic one', () => {
    assert.equal(guard.step(1_000_000), 0);
    monotonic += 1_000;
    assert.equal(guard.step(1_001_010), 0);
    monotonic += 1_000;
    assert.equal(guard.step(1_062_010), 60_000);
    monotonic += 1_000;
    assert.equal(guard.step(1_063_010), 0);
  });
});
