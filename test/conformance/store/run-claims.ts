import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fencingToken, type RunId, type WorkerId } from '../../../src/domain/run/run.ts';
import type { Store } from '../../../src/store/store.ts';
import { claimed, finished, newRun, referenceOf, referenceTo, start, started } from './fixtures.ts';

const [first, second] = ['a-00001', 'b-00001'] as WorkerId[] as [WorkerId, WorkerId];

export function runClaimsConformance(store: () => Store): void {
  const claimOf = async (run: RunId) => (await store().runClaims([run])).get(run);

  describe('claims of runs', () => {
    it('tell who has a run, and nothing of runs that are not there', async () => {
      const about = referenceOf();
      assert.deepEqual(await store().runClaims([]), new Map());
      assert.equal(await claimOf(about.run), undefined);
      await store().applyReports(first, [claimed(about), started(about)], start);
      const claim = { attempt: 1, state: 'Running', worker: first, fencingToken: '1099511627777', former: [] };
      assert.deepEqual(await claimOf(about.run), claim);
      const asked = newRun();
      await store().createRun(asked);
      assert.deepEqual(await claimOf(asked.id), { attempt: 0, state: 'Pending', former: [] });
    });

    it('remember who had it before: a newer claim, and a further attempt', async () => {
      const about = referenceTo(newRun());
      await store().applyReports(first, [claimed(about), started(about)], start);
      await store().applyReports(second, [claimed(about, { fencingToken: fencingToken(1, 9) })], start);
      assert.deepEqual((await claimOf(about.run))?.former, [first]);
      // Again, and by a claim that is older: nothing changes.
      await store().applyReports(second, [claimed(about, { fencingToken: fencingToken(1, 9) })], start);
      await store().applyReports(first, [claimed(about)], start);
      assert.deepEqual((await claimOf(about.run))?.former, [first]);
      await store().applyReports(second, [finished(about, { outcome: 'Failed' })], start);
      const next = { ...about, attempt: 2 };
      await store().applyReports(first, [claimed(next, { fencingToken: fencingToken(1, 20) })], start);
      const claim = await claimOf(about.run);
      assert.deepEqual([claim?.worker, claim?.attempt, claim?.former], [first, 2, [first, second]]);
    });
  });
}
