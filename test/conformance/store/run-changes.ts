import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Job } from '../../../src/domain/job/job.ts';
import { tickRunId } from '../../../src/domain/run/run.ts';
import type { ChangePosition, Store } from '../../../src/store/store.ts';
import {
  claimed,
  finished,
  minute,
  newJob,
  newName,
  newRun,
  newUid,
  referenceOf,
  start,
  started,
  worker,
} from './fixtures.ts';

/** Far from the instants of other tests: they share the database. */
const era = start + 365 * 86_400_000;

export function runChangesConformance(store: () => Store): void {
  const make = (source: Job['source'] = 'kubernetes'): Promise<Job> => store().createJob(newJob({ source }));
  const about = (job: Job, tick: number) =>
    referenceOf({ jobUid: job.uid, namespace: job.namespace, name: job.name, tick });
  const after = (changedAt: number, id = ''): ChangePosition => ({ changedAt, id });

  describe('jobs of a source', () => {
    it('are listed alone, in pages', async () => {
      const namespace = newName('ns');
      for (const source of ['api', 'kubernetes', 'kubernetes', 'consul', 'kubernetes'] as const) {
        await store().createJob(newJob({ namespace, source }));
      }
      const first = await store().listJobs({ namespace, source: 'kubernetes', limit: 2 });
      assert.ok(first.next);
      const second = await store().listJobs({ namespace, source: 'kubernetes', limit: 2, cursor: first.next });
      const all = [...first.items, ...second.items];
      assert.deepEqual([first.items.length, second.items.length, second.next], [2, 1, undefined]);
      assert.ok(all.every(job => job.source === 'kubernetes'));
      assert.equal(new Set(all.map(job => job.name)).size, 3);
    });
  });

  describe('changed runs', () => {
    it('come in the order of their change, and only those of the source', async () => {
      const [ours, theirs] = [await make(), await make('api')];
      const ticks = [0, 1, 2].map(i => start + i * minute);
      for (const [i, tick] of ticks.entries()) {
        await store().applyReports(worker, [claimed(about(ours, tick)), claimed(about(theirs, tick))], era - i);
      }
      const changed = await store().runsChangedAfter('kubernetes', after(era - 3), 10);
      assert.deepEqual(
        changed.map(run => [run.jobUid, run.tick, run.changedAt]),
        ticks.map((tick, i) => [ours.uid, tick, era - i]).reverse(),
      );
      const [first] = changed;
      assert.ok(first);
      const rest = await store().runsChangedAfter('kubernetes', after(first.changedAt, first.id), 1);
      assert.deepEqual(rest, changed.slice(1, 2));
      assert.ok(((await store().lastRunChange()) ?? 0) >= era);
    });

    it('are those that the leader closed, too', async () => {
      const job = await make();
      const { uid: jobUid, namespace, name } = job;
      const pending = newRun({ jobUid, namespace, name });
      await store().createRun(pending);
      await store().applyReports(worker, [claimed(about(job, start))], start);
      const run = tickRunId(jobUid, start);
      const lost = [
        { run, attempt: 1, jobUid, namespace, name, trigger: 'tick', message: 'its worker went away' },
      ] as const;
      const expired = [{ run: pending.id, reason: 'NoCapacity', message: 'no room' }] as const;
      const term = await store().nextTerm(newName('role'), 'master-1');
      const at = era + minute;
      await store().account(term, { skips: [], lost, expired, catchups: [], accounted: [] }, at);
      const changed = await store().runsChangedAfter('kubernetes', after(at - 1), 10);
      assert.deepEqual(
        changed.map(one => [one.id, one.state]).sort(),
        [
          [run, 'Lost'],
          [pending.id, 'Skipped'],
        ].sort(),
      );
    });
  });

  describe('the summary of a job’s runs', () => {
    it('counts those that go on, and names the newest and the last success', async () => {
      const job = await make();
      const ticks = Array.from({ length: 8 }, (_, i) => about(job, start + i * minute));
      const reports = ticks.flatMap((one, i) => [
        claimed(one),
        started(one),
        ...(i < 6 ? [finished(one, { outcome: i === 1 ? 'Succeeded' : 'Failed' })] : []),
      ]);
      await store().applyReports(worker, reports, start);
      const quiet = await make();
      const summaries = await store().runSummaries([job.uid, quiet.uid, newUid()], 3);
      assert.deepEqual([...summaries.keys()], [job.uid]);
      const summary = summaries.get(job.uid);
      assert.equal(summary?.active, 2);
      assert.deepEqual(
        summary.recent.map(run => [run.tick, run.state]),
        [
          [start + 7 * minute, 'Running'],
          [start + 6 * minute, 'Running'],
          [start + 5 * minute, 'Failed'],
        ],
      );
      assert.equal(summary.lastSuccess?.tick, start + minute);
    });

    it('knows nothing of a former job of the name', async () => {
      const job = await make();
      await store().applyReports(worker, [claimed(about(job, start)), finished(about(job, start))], start);
      await store().deleteJob(job.uid, start + minute);
      const again = await store().createJob(newJob({ name: job.name, source: 'kubernetes', now: start + minute }));
      assert.equal((await store().runSummaries([again.uid], 5)).size, 0);
    });
  });
}
