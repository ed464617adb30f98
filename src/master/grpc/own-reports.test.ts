import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { claimed, finished, output, referenceOf, skipped, started } from '../../../test/conformance/store/fixtures.ts';
import type { Report } from '../../domain/run/report.ts';
import { fencingToken, type RunId, type WorkerId } from '../../domain/run/run.ts';
import type { RunClaim } from '../../store/store.ts';
import { sortReports } from './own-reports.ts';

const [mine, others] = ['me-abcde', 'other-abcde'] as WorkerId[] as [WorkerId, WorkerId];
const about = referenceOf();
const token = (index: number) => ({ fencingToken: fencingToken(1, index) });

async function foreign(claim: RunClaim | undefined, ...reports: Report[]): Promise<readonly string[]> {
  const store = {
    runClaims: async () => new Map<RunId, RunClaim>(claim === undefined ? [] : [[about.run, claim]]),
  };
  return (await sortReports(store, mine, reports)).foreign.map(report => report.type);
}

const running: RunClaim = { attempt: 1, state: 'Running', worker: others, ...token(5), former: [] };
const next = { ...about, attempt: 2 };

describe('sortReports', () => {
  it("takes a worker's own runs, of its former processes too", async () => {
    for (const worker of [mine, 'me-zzzzz' as WorkerId]) {
      assert.deepEqual(await foreign({ ...running, worker }, started(about), finished(about)), []);
    }
    assert.deepEqual(await foreign(undefined, claimed(about), finished(about)), []);
    assert.deepEqual(await foreign({ attempt: 0, state: 'Pending', former: [] }, claimed(about)), []);
  });

  it("refuses what it says of another worker's run", async () => {
    const forged = [started(about), output(about, 0, 'x'), finished(about)];
    assert.deepEqual(await foreign(running, ...forged), ['started', 'output', 'finished']);
    // A name that begins alike is another name.
    assert.deepEqual(await foreign({ ...running, worker: 'me-2-abcde' as WorkerId }, finished(about)), ['finished']);
    assert.deepEqual(await foreign(running, claimed(about, token(4)), finished(about)), ['claimed', 'finished']);
    assert.deepEqual(await foreign(running, finished(next), finished({ ...about, attempt: 99 })), [
      'finished',
      'finished',
    ]);
  });

  it('takes a newer claim, and what follows it', async () => {
    assert.deepEqual(await foreign(running, started(about), claimed(about, token(6)), finished(about)), ['started']);
    assert.deepEqual(await foreign({ ...running, state: 'Pending' }, claimed(next, token(9)), finished(next)), []);
  });

  it('lets who had it before tell the rest', async () => {
    const former = ['me-zzzzz' as WorkerId];
    assert.deepEqual(await foreign({ ...running, former }, output(about, 1, 'late'), finished(about)), []);
  });

  it("refuses a member's run that is another worker's", async () => {
    const member = { index: 0, count: 2, worker: 'other' };
    assert.deepEqual(await foreign(undefined, claimed({ ...about, member })), ['claimed']);
    assert.deepEqual(await foreign(undefined, claimed({ ...about, member: { ...member, worker: 'me' } })), []);
  });

  it('takes ticks without a run, which are nobody’s', async () => {
    assert.deepEqual(await foreign(running, skipped()), []);
  });
});
