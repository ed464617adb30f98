import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Outcome } from '../../../src/domain/run/run.ts';
import type { NewJob, Store } from '../../../src/store/store.ts';
import { claimed, finished, minute, newJob, newRun, referenceOf, start, worker } from './fixtures.ts';

export function failingConformance(store: () => Store): void {
  /** A job with runs that ended so, the oldest first, the last one reported at `at`. */
  const made = async (outcomes: readonly Outcome[], at: number): Promise<NewJob> => {
    const job = newJob();
    await store().createJob(job);
    for (const [i, outcome] of outcomes.entries()) await end(job, i, outcome, at);
    return job;
  };
  const end = async (job: NewJob, index: number, outcome: Outcome, at: number): Promise<void> => {
    const about = referenceOf({ jobUid: job.uid, name: job.name, tick: start + index * minute });
    await store().applyReports(worker, [claimed(about), finished(about, { outcome })], at);
  };
  const look = async (jobs: readonly NewJob[], query: { since?: number; known?: readonly NewJob['uid'][] } = {}) => {
    const found = await store().failingJobs({ inARow: 3, limit: 100_000, ...query });
    return jobs.map(({ uid }) => found.includes(uid));
  };

  describe('failing jobs', () => {
    it('are those whose newest runs all failed, however', async () => {
      const jobs = [
        await made(['Failed', 'TimedOut', 'Lost'], start),
        await made(['Succeeded', 'Failed', 'Failed', 'Failed'], start),
        await made(['Failed', 'Failed', 'Failed', 'Succeeded'], start),
        await made(['Failed', 'Succeeded', 'Failed', 'Failed'], start),
        await made(['Failed', 'Failed'], start),
        await made(['Failed', 'Failed', 'Failed', 'Killed'], start),
        await made([], start),
      ];
      assert.deepEqual(await look(jobs), [true, true, false, false, false, true, false]);
    });

    it('are so while another run waits', async () => {
      const waiting = await made(['Failed', 'Failed', 'Failed'], start);
      await store().createRuns([newRun({ jobUid: waiting.uid, name: waiting.name, requestedAt: start + 9 * minute })]);
      assert.deepEqual(await look([waiting]), [true]);
    });

    it('are looked for among those known, and those that failed since then', async () => {
      const era = start + 500 * 86_400_000;
      const [before, since, known] = [
        await made(['Failed', 'Failed', 'Failed'], era - minute),
        await made(['Failed', 'Failed', 'Failed'], era + minute),
        await made(['Failed', 'Failed', 'Failed'], era - minute),
      ];
      const jobs = [before, since, known];
      assert.deepEqual(await look(jobs, { since: era, known: [known.uid] }), [false, true, true]);
      await end(known, 3, 'Succeeded', era + 2 * minute);
      assert.deepEqual(await look(jobs, { since: era, known: [known.uid] }), [false, true, false]);
      assert.equal((await store().failingJobs({ inARow: 3, limit: 1 })).length, 1);
    });
  });
}
