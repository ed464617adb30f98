import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Report } from '../../../src/domain/run/report.ts';
import type { RunId } from '../../../src/domain/run/run.ts';
import type { Store } from '../../../src/store/store.ts';
import { claimed, finished, minute, newName, newRun, output, referenceTo, start, worker } from './fixtures.ts';

/** For a store that was opened with an archive. */
export function archiveConformance(store: () => Store): void {
  const now = start + 60 * minute;
  const elect = () => store().nextTerm(newName('role'), 'master-1');
  const report = (...reports: Report[]) => store().applyReports(worker, reports, start);
  const waiting = async (run: RunId) => (await store().awaitingArchive(10_000)).find(one => one.run === run);

  /** A run of a job of its own that was asked for. */
  async function ran(...texts: readonly string[]) {
    const run = newRun();
    await store().createRun(run);
    const about = referenceTo(run);
    await report(claimed(about), ...texts.map((text, i) => output(about, i, text)));
    return { run, about };
  }

  describe('output that goes to an archive', () => {
    it('waits for it once the run has ended, until all of it was noted', async () => {
      const { run, about } = await ran('one\n', 'two\n');
      assert.equal(await waiting(run.id), undefined, 'it goes on');
      await report(output(about, 2, 'three\n'), finished(about));
      const first = await waiting(run.id);
      const { namespace, name } = run;
      const [firstAt, lastAt, finishedAt] = [start + 3, start + 5, start + 1_000];
      assert.deepEqual(first, { run: run.id, version: 2, namespace, name, firstAt, lastAt, finishedAt });
      assert.equal(await store().archivedOutput(run.id), undefined);
      const late = { ...output(about, 3, 'late\n'), at: start + 7_000 };
      await report(late);
      const term = await elect();
      await store().noteArchived(term, [first], now);
      assert.equal((await waiting(run.id))?.version, 3, 'what came meanwhile waits');
      await store().noteArchived(term, [{ run: run.id, version: 3 }], now);
      assert.equal(await waiting(run.id), undefined);
      assert.deepEqual(await store().archivedOutput(run.id), { firstAt, lastAt: start + 7_000 });
      await store().noteArchived(term, [first], now);
      assert.equal(await waiting(run.id), undefined, 'an older note takes nothing back');
    });

    it('is none of a run that printed nothing', async () => {
      const { run, about } = await ran();
      await report(finished(about));
      assert.equal(await waiting(run.id), undefined);
      assert.equal(await store().archivedOutput(run.id), undefined);
    });

    it('comes oldest first, as many as are asked for', async () => {
      const late = await ran('a\n');
      await report({ ...output(late.about, 1, 'b\n'), at: start - minute }, finished(late.about));
      const early = newRun();
      await store().createRun(early);
      const about = referenceTo(early);
      const old = { ...output(about, 0, 'old\n'), at: start - 60 * minute };
      await report(claimed(about), old, finished(about));
      const [first, ...more] = await store().awaitingArchive(1);
      assert.deepEqual([first?.run, more.length], [early.id, 0]);
    });

    it('keeps its run, within bounds, from being deleted', async () => {
      const { run, about } = await ran('kept\n');
      await report(finished(about));
      const term = await elect();
      const job = { jobUid: run.jobUid, namespace: run.namespace, name: run.name };
      const never = Number.MAX_SAFE_INTEGER;
      const hold = { endedSince: start, archivedSince: now };
      const trim = (held: typeof hold) =>
        store().trim(term, job, { runs: 0 }, { now: never, before: now, hold: held }, 10);
      assert.equal(await trim(hold), 0, 'it waits');
      await store().noteArchived(term, [{ run: run.id, version: 1 }], now);
      assert.equal(await trim(hold), 0, 'it was archived only now');
      await store().retain(term, start + 1_001, 1_000, hold);
      assert.ok(await store().getRun(run.id));
      assert.equal(await trim({ ...hold, archivedSince: now + 1 }), 1);
      assert.equal(await store().archivedOutput(run.id), undefined, 'nothing of it is left');
      const another = await ran('given up\n');
      await report(finished(another.about));
      const about2 = { ...job, jobUid: another.run.jobUid, name: another.run.name };
      const late = { now: never, before: now, hold: { endedSince: start + 1_001, archivedSince: 0 } };
      assert.equal(await store().trim(term, about2, { runs: 0 }, late, 10), 1, 'it ended too long ago');
    });

    it('is noted by the leader alone', async () => {
      const old = await elect();
      await store().nextTerm(old.role, 'master-2');
      await assert.rejects(store().noteArchived(old, [], now), { name: 'StaleTermError' });
    });
  });
}
