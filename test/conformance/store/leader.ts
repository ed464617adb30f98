import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Findings, StaleTermError, type Store } from '../../../src/store/store.ts';
import {
  claimed,
  finished,
  minute,
  newJob,
  newName,
  newRun,
  newUid,
  output,
  referenceOf,
  skipped,
  start,
  worker,
} from './fixtures.ts';

const nothing: Findings = { skips: [], lost: [], expired: [], catchups: [], accounted: [] };

export function leaderConformance(store: () => Store): void {
  const elect = () => store().nextTerm(newName('role'), 'master-1');
  const lostOf = (about: ReturnType<typeof referenceOf>) => ({ ...about, worker, message: 'its worker went away' });

  describe('terms', () => {
    it('grow with each election, and are different for those elected at once', async () => {
      const role = newName('role');
      const terms = await Promise.all([1, 2, 3, 4].map(i => store().nextTerm(role, `master-${i}`)));
      assert.deepEqual(terms.map(one => one.term).sort(), [1, 2, 3, 4]);
      assert.deepEqual(await store().nextTerm(role, 'master-1'), { role, term: 5 });
    });

    it('refuse every write of a leader who was replaced, and write nothing', async () => {
      const old = await elect();
      await store().nextTerm(old.role, 'master-2');
      const skip = skipped();
      await assert.rejects(store().account(old, { ...nothing, skips: [skip] }, start), StaleTermError);
      await assert.rejects(store().putEpoch(old, { number: 1_000_000, floor: 0, beat: 0, at: 0 }), StaleTermError);
      await assert.rejects(store().retain(old, 1, 1), StaleTermError);
      await assert.rejects(store().account({ role: newName('never'), term: 1 }, nothing, start), StaleTermError);
      assert.deepEqual(await store().listSkips({ name: skip.name, limit: 1 }), []);
    });
  });

  describe('epoch', () => {
    it('keeps the highest number and beat', async () => {
      const term = await elect();
      assert.equal(await store().getEpoch(), undefined);
      const first = { number: 1, floor: 0, beat: 7, at: start };
      await store().putEpoch(term, first);
      await store().putEpoch(term, { ...first, beat: 5 });
      assert.deepEqual(await store().getEpoch(), first);
      const second = { number: 2, floor: start, beat: 8, at: start + 1_000 };
      await store().putEpoch(term, second);
      await store().putEpoch(term, { ...first, beat: 9 });
      assert.deepEqual(await store().getEpoch(), second);
    });
  });

  describe('accounting', () => {
    it('commits all findings together', async () => {
      const term = await elect();
      const job = newJob();
      await store().createJob(job);
      const { uid: jobUid, name } = job;
      const [known, unknown] = [1, 2].map(i => referenceOf({ jobUid, name, tick: start + i * minute }));
      assert.ok(known && unknown);
      await store().applyReports(worker, [claimed(known)], start);
      const late = newRun({ jobUid, name });
      await store().createRun(late);
      const catchup = newRun({ jobUid, name, tick: start + 3 * minute, trigger: 'catchup' });
      const { type: _, at: _at, ...skip } = skipped({ jobUid, name, from: start + 4 * minute, to: start + 6 * minute });
      const findings: Findings = {
        skips: [skip],
        lost: [lostOf(known), lostOf(unknown)],
        expired: [{ run: late.id, reason: 'NoCapacity', message: 'no worker had room' }],
        catchups: [catchup],
        accounted: [{ uid: jobUid, revision: 1, until: start + 6 * minute }],
      };
      const now = start + 10 * minute;
      await store().account(term, findings, now);
      await store().account(term, findings, now + minute);
      const runs = (await store().listRuns({ namespace: 'default', name, limit: 10 })).items;
      assert.deepEqual(
        runs.map(run => [run.tick, run.state, run.reason, run.finishedAt]),
        [
          [start + 3 * minute, 'Pending', undefined, undefined],
          [start + 2 * minute, 'Lost', undefined, now],
          [start + minute, 'Lost', undefined, now],
          [undefined, 'Skipped', 'NoCapacity', now],
        ],
      );
      assert.deepEqual(await store().listSkips({ name, limit: 10 }), [{ ...skip, recordedAt: now }]);
      const found = (
        await store().accountedTicks([{ uid: jobUid, after: start + minute, until: start + 4 * minute }])
      ).get(jobUid);
      assert.deepEqual([...(found?.ticks ?? [])].sort(), [start + 2 * minute, start + 3 * minute]);
      assert.deepEqual(found?.skips, [{ from: skip.from, to: skip.to }]);
      assert.equal((await store().spellsOf([jobUid]))[0]?.accountedUntil, start + 6 * minute);
    });

    it('tells the runs after all of the row of missed ticks before an instant', async () => {
      const term = await elect();
      const job = newJob();
      await store().createJob(job);
      const { uid: jobUid, name } = job;
      const at = (i: number) => start + i * minute;
      const catchups = [1, 4, 5, 9].map(i =>
        newRun({ id: referenceOf({ jobUid, tick: at(i) }).run, jobUid, name, tick: at(i), trigger: 'catchup' }),
      );
      const skip = (i: number, reason: 'Misfire' | 'StillRunning') => {
        const { type: _, at: _at, ...made } = skipped({ jobUid, name, from: at(i), to: at(i), reason });
        return made;
      };
      await store().account(
        term,
        { ...nothing, catchups, skips: [skip(3, 'StillRunning'), skip(6, 'Misfire')] },
        at(7),
      );
      const row = async (before: number) =>
        (await store().catchupsOfRow([{ uid: jobUid, since: before, before }])).get(jobUid)?.map(({ id }) => id);
      const ids = catchups.map(({ id }) => id);
      assert.deepEqual(await row(at(7)), ids.slice(1, 3));
      assert.deepEqual(await row(at(5)), ids.slice(1, 2));
      assert.deepEqual(await row(at(2)), ids.slice(0, 1));
      assert.deepEqual(await row(at(4)), []);
      await store().applyReports(worker, [claimed(referenceOf({ jobUid, name, tick: at(7) }))], at(7));
      assert.deepEqual(await row(at(10)), ids.slice(3));
      // It began before the next tick was due: what is missed from there on is another row.
      await store().applyReports(
        worker,
        [{ ...claimed(referenceOf({ jobUid, name, tick: at(9) })), trigger: 'catchup', at: at(9) + 1 }],
        at(9),
      );
      assert.deepEqual(await row(at(10)), []);
      assert.deepEqual(
        (await store().catchupsOfRow([{ uid: jobUid, since: at(9), before: at(10) }])).get(jobUid)?.map(one => one.is),
        ['begun'],
      );
      assert.deepEqual((await store().catchupsOfRow([{ uid: newUid(), since: at(9), before: at(9) }])).size, 1);
      const rows = (await store().catchupsOfRow([{ uid: jobUid, since: at(1), before: at(10) }])).get(jobUid);
      assert.deepEqual(
        rows?.map(one => one.row),
        [0, at(3), at(3), at(7)],
      );
    });

    it('accounts a spell by any of its revisions', async () => {
      const term = await elect();
      const job = newJob();
      await store().createJob(job);
      const { uid, labels, annotations, spec } = job;
      await store().updateJob({ uid, labels, annotations, spec, revision: 1, floor: start, now: start });
      await store().account(term, { ...nothing, accounted: [{ uid, revision: 1, until: start + 5 }] }, start);
      const [spell] = await store().spellsOf([uid]);
      assert.deepEqual([spell?.revision, spell?.accountedUntil], [2, start + 5]);
    });

    it('tells of no tick outside what was asked, and none of another job of the name', async () => {
      const job = newJob();
      await store().createJob(job);
      const { uid: jobUid, name } = job;
      const ticks = [0, 1, 2].map(i => referenceOf({ jobUid, name, tick: start + i * minute }));
      const foreign = referenceOf({ jobUid: newUid(), name, tick: start + minute + 1 });
      await store().applyReports(
        worker,
        [...ticks, foreign].map(one => claimed(one)),
        start,
      );
      const before = skipped({ jobUid, name, from: start - 5 * minute, to: start });
      await store().applyReports(worker, [before], start);
      const found = await store().accountedTicks([{ uid: jobUid, after: start, until: start + minute }]);
      assert.deepEqual([...found.keys()], [jobUid]);
      assert.deepEqual([...(found.get(jobUid)?.ticks ?? [])], [start + minute]);
      assert.deepEqual(found.get(jobUid)?.skips, []);
    });

    it('gives skips from either end', async () => {
      const { jobUid, name } = skipped();
      const [first, second, third] = [1, 2, 3].map(i => ({ from: start + i * minute, to: start + i * minute + 1 }));
      for (const range of [second, third, first]) {
        await store().applyReports(worker, [skipped({ jobUid, name, ...range })], start);
      }
      const since = (second?.from ?? 0) + 1;
      const ends = async (oldestFirst: boolean) =>
        (await store().listSkips({ namespace: 'default', name, since, oldestFirst, limit: 10 })).map(one => one.to);
      assert.deepEqual(await ends(true), [second?.to, third?.to]);
      assert.deepEqual(await ends(false), [third?.to, second?.to]);
    });

    it('never calls lost what has ended, nor skipped what was claimed', async () => {
      const term = await elect();
      const done = referenceOf();
      await store().applyReports(worker, [finished(done)], start);
      await store().account(
        term,
        { ...nothing, lost: [lostOf(done)], expired: [{ run: done.run, reason: 'NoCapacity', message: '' }] },
        start,
      );
      assert.equal((await store().getRun(done.run))?.state, 'Succeeded');
      const second = referenceOf();
      await store().applyReports(worker, [claimed({ ...second, attempt: 2 })], start);
      await store().account(term, { ...nothing, lost: [lostOf(second)] }, start);
      assert.equal((await store().getRun(second.run))?.state, 'Claimed', 'an older attempt was lost, not this one');
    });

    it('lets a late report settle Lost once', async () => {
      const term = await elect();
      const about = referenceOf();
      await store().applyReports(worker, [claimed(about)], start);
      await store().account(term, { ...nothing, lost: [lostOf(about)] }, start + minute);
      await store().applyReports(worker, [claimed(about)], start + minute);
      assert.equal((await store().getRun(about.run))?.state, 'Lost', 'a claim settles nothing');
      await store().applyReports(worker, [finished(about, { outcome: 'Failed', exitCode: 2 })], start + minute);
      await store().applyReports(worker, [finished(about)], start + minute);
      const run = await store().getRun(about.run);
      assert.deepEqual([run?.state, run?.exitCode, run?.message], ['Failed', 2, undefined]);
    });

    it('lets no late report settle Lost when a newer attempt has started', async () => {
      const term = await elect();
      const about = referenceOf();
      await store().account(term, { ...nothing, lost: [lostOf(about)] }, start);
      await store().applyReports(worker, [claimed({ ...about, attempt: 2 })], start);
      await store().applyReports(worker, [finished(about)], start);
      const run = await store().getRun(about.run);
      assert.deepEqual([run?.state, run?.attempt], ['Claimed', 2]);
    });
  });

  describe('retention', () => {
    it('forgets what ended before an instant, in portions', async () => {
      const term = await elect();
      const before = 1_000_000;
      const about = [10, 20, 30].map(tick => referenceOf({ tick }));
      const [going] = about;
      assert.ok(going);
      const ended = about.slice(1).flatMap(one => [output(one, 0, 'x'), finished(one, { at: 500 })]);
      await store().applyReports(
        worker,
        [claimed(going), ...ended, finished(referenceOf({ tick: 40 }), { at: before })],
        600,
      );
      const skip = skipped({ from: 1, to: 2 });
      await store().applyReports(worker, [skip], 600);
      const job = newJob({ now: 1 });
      await store().createJob(job);
      await store().deleteJob(job.uid, 100);
      await store().account(term, { ...nothing, accounted: [{ uid: job.uid, revision: 1, until: 100 }] }, 600);
      assert.equal(await store().retain(term, before, 1), 1);
      assert.equal(await store().retain(term, before, 10), 1);
      assert.equal(await store().retain(term, before, 10), 0, 'one still goes on, one ended at the instant itself');
      assert.deepEqual(await store().runLogs(about[1]?.run ?? going.run, { after: 0, limit: 1 }), []);
      assert.deepEqual(await store().listSkips({ name: skip.name, limit: 1 }), []);
      assert.deepEqual(await store().spellsOf([job.uid]), []);
    });
  });

  describe('coordination keys', () => {
    it('are written and deleted in one transaction', async () => {
      assert.deepEqual(await store().loadKeys(), []);
      await store().saveKeys([
        { key: 'cron/a', value: '1', index: 1 },
        { key: 'cron/b', value: '2', index: 1 },
      ]);
      await store().saveKeys([
        { key: 'cron/a', index: 2 },
        { key: 'cron/b', value: '3', index: 2 },
        { key: 'cron/b', value: '4', index: 2 },
      ]);
      await store().saveKeys([]);
      assert.deepEqual(await store().loadKeys(), [{ key: 'cron/b', value: '4', index: 2 }]);
    });
  });
}
