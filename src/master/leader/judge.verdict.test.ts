import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CursorRecord } from '../../coordination/records.ts';
import type { JobUid } from '../../domain/job/job.ts';
import type { Evidence, JudgeContext } from './judge.ts';
import { judge } from './judge.ts';
import type { Window } from './window.ts';

const ticks = Array.from({ length: 100 }, (_, i) => (i + 1) * 1_000);
const window = { watched: { spell: {} }, ticks, after: 0, until: 100_000, limit: 100_000 } as unknown as Window;
const calm: JudgeContext = {
  now: 110_000,
  lostAfter: 60_000,
  lostFrom: 0,
  epochFloor: 0,
  certainAfter: 0,
  uncertainUntil: 0,
};
const cursor = (record: Partial<CursorRecord>): Evidence => ({
  cursor: { v: 1, uid: 'u' as JobUid, tick: 90_000, decision: 'run', ...record },
});
const holder = { v: 1, run: 'r' } as unknown as NonNullable<Evidence['holder']>;

/** Judges ticks given in seconds. */
function verdictOf(seconds: readonly number[], seen: Evidence, context: Partial<JudgeContext> = {}) {
  const missing = new Set(seconds.map(second => second * 1_000));
  return judge(window, missing, seen, { ...calm, ...context });
}

describe('judge', () => {
  it('leaves what the cursor has not come to, and what it jumped, to the misfire policy', () => {
    const seen = cursor({ gaps: [{ from: 10_000, to: 12_000 }] });
    const verdict = verdictOf([10, 11, 12, 95, 96], seen);
    assert.deepEqual(verdict.undecided, [
      { from: 10_000, to: 12_000 },
      { from: 95_000, to: 96_000 },
    ]);
    assert.deepEqual(verdict.free, [{ from: 95_000, to: 96_000 }]);
    assert.equal(verdict.waiting, undefined);
  });

  it('suspects what was decided long ago without a report, and waits for what is young', () => {
    const verdict = verdictOf([20, 80], cursor({}));
    assert.deepEqual(verdict.suspects, [20_000]);
    assert.equal(verdict.waiting, 80_000);
    assert.equal(verdictOf([20], cursor({}), { lostFrom: 120_000 }).waiting, 20_000, 'a new leader waits');
  });

  it('waits for a held slot, but not with what a cursor jumped', () => {
    const seen = { ...cursor({ gaps: [{ from: 10_000, to: 10_000 }] }), holder };
    const verdict = verdictOf([10, 95], seen);
    assert.deepEqual(verdict.undecided, [{ from: 10_000, to: 10_000 }]);
    assert.equal(verdict.waiting, 95_000);
  });

  it('takes the skip that the cursor tells of', () => {
    const verdict = verdictOf([88, 89, 90], cursor({ decision: 'skip', from: 88_000 }));
    assert.deepEqual(verdict.skipped, { from: 88_000, to: 90_000 });
    assert.deepEqual(verdict.undecided, []);
  });

  it('does not take a cursor of this epoch for a decision about ticks before it', () => {
    const epoch = { epochFloor: 60_000, certainAfter: 40_000, lostPast: { from: 0, to: 21_000 } };
    const late = verdictOf([20, 30, 50], cursor({}), epoch);
    assert.deepEqual(late.suspects, []);
    assert.deepEqual(late.lost, [20_000], 'perhaps claimed just before the loss');
    assert.deepEqual(late.undecided, [
      { from: 30_000, to: 30_000 },
      { from: 50_000, to: 50_000 },
    ]);
    assert.deepEqual(late.free, [], 'the cursor has passed them');
    const early = verdictOf([20, 30, 50], cursor({}), { ...epoch, uncertainUntil: 120_000 });
    assert.equal(early.waiting, 20_000, 'reports may come');
    assert.deepEqual(early.undecided, [{ from: 50_000, to: 50_000 }], 'nobody could claim it');
  });

  it('takes a cursor of before the epoch, from a snapshot, for what it says', () => {
    const seen = cursor({ tick: 50_000 });
    assert.deepEqual(verdictOf([45], seen, { epochFloor: 60_000, certainAfter: 40_000 }).suspects, [45_000]);
  });
});
