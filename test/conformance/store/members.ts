import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memberRunId, tickRunId } from '../../../src/domain/run/run.ts';
import type { Store } from '../../../src/store/store.ts';
import { claimed, minute, newJob, newName, newRun, referenceOf, start, worker } from './fixtures.ts';

export function membersConformance(store: () => Store): void {
  const elect = () => store().nextTerm(newName('role'), 'master-1');
  const nothing = { skips: [], lost: [], expired: [], catchups: [], accounted: [] };
  const member = (index: number, count = 3) => ({ index, count });

  describe('runs of one whole', () => {
    it('are asked for together, and found by it', async () => {
      const alone = newRun();
      const asked = [0, 1, 2].map(index => ({
        ...alone,
        id: memberRunId(alone.id, index),
        particulars: { member: member(index) },
      }));
      const made = await store().createRuns(asked);
      assert.deepEqual(
        made.map(({ id, state, particulars }) => [id, state, particulars]),
        asked.map(({ id, particulars }) => [id, 'Pending', particulars]),
      );
      assert.deepEqual(await store().createRuns(asked), made, 'asking twice is asking once');
      await store().createRun({ ...alone, id: memberRunId(memberRunId(alone.id, 1), 0) });
      const { items } = await store().listRuns({ whole: alone.id, limit: 10 });
      assert.deepEqual(items.map(({ id }) => id).sort(), asked.map(({ id }) => id).sort());
      const single = await store().createRun(newRun());
      assert.deepEqual((await store().listRuns({ whole: single.id, limit: 10 })).items, [single]);
    });

    it('account for their tick once all of them are there', async () => {
      const term = await elect();
      const job = newJob();
      await store().createJob(job);
      const { uid: jobUid, name } = job;
      const tick = start + minute;
      const whole = tickRunId(jobUid, tick);
      const about = [0, 1, 2].map(index => ({
        ...referenceOf({ jobUid, name, tick }),
        run: memberRunId(whole, index),
        member: member(index),
      }));
      const known = async () =>
        (await store().accountedTicks([{ uid: jobUid, after: start, until: start + 9 * minute }])).get(jobUid);
      const [first, second, third] = about;
      assert.ok(first && second && third);
      await store().applyReports(worker, [claimed(first), claimed(second)], start);
      assert.deepEqual([[...((await known())?.ticks ?? [])], [...((await known())?.begun ?? [])]], [[], [tick]]);
      const { member: particular, ...lost } = third;
      await store().account(
        term,
        { ...nothing, lost: [{ ...lost, particulars: { member: particular }, message: 'no report' }] },
        start,
      );
      assert.deepEqual([[...((await known())?.ticks ?? [])], [...((await known())?.begun ?? [])]], [[tick], []]);
      const { items } = await store().listRuns({ whole, limit: 10 });
      assert.deepEqual(items.map(({ state, particulars }) => [particulars?.member?.index, state]).sort(), [
        [0, 'Claimed'],
        [1, 'Claimed'],
        [2, 'Lost'],
      ]);
    });

    it('that no worker took on are written and skipped in one', async () => {
      const term = await elect();
      const run = newRun({
        trigger: 'tick',
        tick: start,
        particulars: { member: { index: 1, count: 2, worker: 'b' } },
      });
      const expired = [{ run: run.id, reason: 'NoEligibleWorker', message: 'worker b went away' }] as const;
      await store().account(term, { ...nothing, catchups: [run], expired }, start + minute);
      const row = await store().getRun(run.id);
      assert.deepEqual([row?.state, row?.reason, row?.particulars], ['Skipped', 'NoEligibleWorker', run.particulars]);
      assert.ok(!(await store().pendingRuns(10_000)).some(({ id }) => id === run.id));
    });
  });
}
