import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Run, RunFilter, Store } from '../../../src/store/store.ts';
import {
  claimed,
  finished,
  minute,
  newJob,
  newName,
  newRun,
  newUid,
  referenceOf,
  referenceTo,
  start,
  started,
  worker,
} from './fixtures.ts';

export function runsConformance(store: () => Store): void {
  describe('runs that are asked for', () => {
    it('wait, and are published until the coordinator had them', async () => {
      const run = newRun({ tick: start, trigger: 'catchup' });
      const created = await store().createRun(run);
      const { deadline, by, ...kept } = run;
      assert.deepEqual(created, { ...kept, state: 'Pending', attempt: 0 });
      assert.deepEqual(await store().createRun(run), created, 'asking twice is asking once');
      const pending = async () => (await store().pendingRuns(10_000)).filter(one => one.id === run.id);
      assert.deepEqual(await pending(), [{ ...run, dueAt: start, attempt: 1, published: false }]);
      await store().markRunsPublished([run.id]);
      assert.deepEqual(await pending(), [{ ...run, dueAt: start, attempt: 1, published: true }]);
    });

    it('come the unpublished first, then the oldest', async () => {
      const [old, middle, young] = [-20, -10, 0].map(offset => newRun({ requestedAt: start + offset }));
      assert.ok(old && middle && young);
      for (const run of [young, old, middle]) await store().createRun(run);
      await store().markRunsPublished([old.id]);
      const wanted = [old.id, middle.id, young.id];
      const order = (await store().pendingRuns(10_000)).map(run => run.id).filter(id => wanted.includes(id));
      assert.deepEqual(order, [middle.id, young.id, old.id]);
    });
  });

  describe('runs that wait', () => {
    it('are counted, those of a job and all, up to a number', async () => {
      const jobUid = newUid();
      const before = (await store().countPending(jobUid, 100_000)).all;
      const due = [newRun({ jobUid }), newRun({ jobUid, requestedAt: start + minute }), newRun({})];
      await store().createRuns(due);
      assert.deepEqual(await store().countPending(jobUid, 100_000), { all: before + 3, ofJob: 2 });
      assert.equal((await store().countPending(jobUid, 2)).all, 2, 'it counts no further than it is asked to');
      await store().cancelRun(due[0]?.id ?? assert.fail(), 'not needed', start);
      assert.deepEqual(await store().countPending(jobUid, 100_000), { all: before + 2, ofJob: 1 });
    });
  });

  describe('lists of runs', () => {
    it('are newest first, in pages, for a job or a namespace or a worker', async () => {
      const namespace = newName('ns');
      const [jobUid, otherUid] = [newUid(), newUid()];
      const ticks = [0, 1, 2, 3, 4].map(i => start + i * minute);
      const about = ticks.map(tick => referenceOf({ jobUid, tick, namespace, name: 'one' }));
      const other = referenceOf({ jobUid: otherUid, tick: start + 2 * minute, namespace, name: 'two' });
      await store().applyReports(
        worker,
        [...about, other].map(one => claimed(one)),
        start,
      );
      const pages = await everyPage(store(), { namespace, limit: 4 });
      assert.deepEqual(
        pages.map(page => page.length),
        [4, 2],
      );
      const due = pages.flat().map(run => run.tick ?? 0);
      assert.deepEqual(
        due,
        due.toSorted((a, b) => b - a),
      );
      assert.equal(new Set(pages.flat().map(run => run.id)).size, 6);
      const named = (await store().listRuns({ namespace, name: 'one', limit: 10 })).items;
      assert.deepEqual(
        named.map(run => run.tick),
        ticks.toReversed(),
      );
      assert.equal((await store().listRuns({ namespace, worker, limit: 10 })).items.length, 6);
      const between = { namespace, since: start + minute, until: start + 3 * minute, limit: 10 };
      assert.deepEqual(
        (await store().listRuns(between)).items.map(run => run.tick),
        [start + 2 * minute, start + 2 * minute, start + minute],
      );
    });

    it('merge the states asked for in one order', async () => {
      const namespace = newName('ns');
      const about = [0, 1, 2, 3].map(i => referenceOf({ namespace, tick: start + i * minute }));
      const [one, two, three, four] = about;
      assert.ok(one && two && three && four);
      await store().applyReports(
        worker,
        [finished(one), finished(two, { outcome: 'Failed' }), started(three), claimed(four)],
        start,
      );
      const states = async (state: RunFilter['state'], limit = 10) => {
        const pages = await everyPage(store(), { namespace, limit, ...(state && { state }) });
        return pages.flat().map(run => run.state);
      };
      assert.deepEqual(await states(undefined), ['Claimed', 'Running', 'Failed', 'Succeeded']);
      assert.deepEqual(await states(['Succeeded', 'Claimed', 'Claimed'], 1), ['Claimed', 'Succeeded']);
      assert.deepEqual(await states(['Failed', 'TimedOut']), ['Failed']);
      assert.deepEqual(await states(['Lost']), []);
      await assert.rejects(store().listRuns({ state: ["x'" as 'Lost'], limit: 1 }), { code: 'InvalidInput' });
      await assert.rejects(store().listRuns({ cursor: 'WyJhIiwiYiJd', limit: 1 }), { code: 'InvalidInput' });
    });

    it('keep the history of a deleted job, and tell the newest run of each', async () => {
      const job = newJob();
      await store().createJob(job);
      const { uid: jobUid, name } = job;
      const about = [1, 3, 2].map(i => referenceOf({ jobUid, name, tick: start + i * minute }));
      await store().applyReports(
        worker,
        about.map(one => finished(one)),
        start,
      );
      await store().deleteJob(jobUid, start + 4 * minute);
      const again = newJob({ name, now: start + 5 * minute });
      await store().createJob(again);
      assert.equal((await store().listRuns({ namespace: 'default', name, limit: 10 })).items.length, 3);
      const last = await store().lastRuns([jobUid, again.uid, newUid()]);
      assert.deepEqual(
        [...last].map(([uid, run]) => [uid, run.tick]),
        [[jobUid, start + 3 * minute]],
      );
    });

    it('find runs that have fallen silent', async () => {
      const [silent, loud, done] = [referenceOf(), referenceOf(), referenceOf()];
      const early = start - 1_000 * minute;
      await store().applyReports(worker, [claimed(silent), started(loud), started(done)], early);
      await store().applyReports(worker, [started(loud), finished(done)], start);
      const quiet = (await store().quietRuns(early + 1, 10_000)).map(run => run.id);
      assert.ok(quiet.includes(silent.run));
      assert.ok(!quiet.includes(loud.run));
      assert.ok(!quiet.includes(done.run));
    });
  });

  describe('two that meet', () => {
    it('a claim, and a second request for the same run', async () => {
      const run = newRun();
      await store().createRun(run);
      await store().applyReports(worker, [claimed(referenceTo(run))], start);
      assert.equal((await store().createRun(run)).state, 'Claimed');
    });
  });
}

async function everyPage(store: Store, filter: RunFilter): Promise<readonly (readonly Run[])[]> {
  const pages: (readonly Run[])[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.listRuns({ ...filter, ...(cursor !== undefined && { cursor }) });
    pages.push(page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return pages;
}
