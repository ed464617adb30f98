import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunState } from '../../../src/domain/run/run.ts';
import type { ChangedRun, NewJob, Store } from '../../../src/store/store.ts';
import { StaleTermError } from '../../../src/store/store.ts';
import { changeOf, minute, newJob, newName, newRun, specOf, start } from './fixtures.ts';

export function pausesConformance(store: () => Store): void {
  const elect = () => store().nextTerm(newName('role'), 'master-1');
  const create = async (spec: Parameters<typeof specOf>[0]): Promise<NewJob> => {
    const job = newJob({ spec: specOf(spec) });
    await store().createJob(job);
    return job;
  };
  const ended = (job: NewJob, at: number, state: RunState): ChangedRun => {
    const { id, jobUid, namespace, name } = newRun({ jobUid: job.uid, name: job.name });
    const about = { id, jobUid, namespace, name, trigger: 'manual', attempt: 1, requestedAt: at } as const;
    return { ...about, state, finishedAt: at, changedAt: at, retryDecided: true };
  };
  const get = async (job: NewJob) => {
    const found = await store().getJob('default', job.name);
    assert.ok(found);
    return found;
  };

  describe('pauses: failures in a row', () => {
    it('pause the job as a suspension does: revision, floor, spell and outbox', async () => {
      const term = await elect();
      const job = await create({ pauseAfterFailures: 2 });
      await store().publicationsDone(await store().pendingPublications(10_000));
      const first = ended(job, start + 1_000, 'Failed');
      assert.deepEqual(await store().countFailures(term, [first, first], start + 2_000), []);
      const second = ended(job, start + 3_000, 'TimedOut');
      const [paused] = await store().countFailures(term, [first, second], start + 4_000);
      const detail = `2 runs in a row failed, the last one ${second.id}`;
      assert.deepEqual(paused?.paused, { at: start + 4_000, reason: 'Failures', detail });
      assert.deepEqual([paused?.revision, paused?.floor], [2, start + 4_000]);
      assert.deepEqual(await get(job), paused);
      const [before, now] = await store().spellsOf([job.uid]);
      assert.deepEqual([before?.until, before?.paused, now?.floor], [start + 4_000, undefined, start + 4_000]);
      assert.equal(now?.paused?.detail, detail);
      assert.ok((await store().pendingPublications(10_000)).some(({ name }) => name === job.name));
      assert.deepEqual(await store().countFailures(term, [first, second], start + 5_000), []);
    });

    it('are broken by a success alone, in whatever order they are told', async () => {
      const term = await elect();
      const job = await create({ pauseAfterFailures: 2 });
      const [one, success, two, three] = [
        ended(job, start + 1_000, 'Failed'),
        ended(job, start + 2_000, 'Succeeded'),
        ended(job, start + 3_000, 'Lost'),
        ended(job, start + 5_000, 'Failed'),
      ];
      const others = [ended(job, start + 4_000, 'Killed'), ended(job, start + 4_500, 'Skipped')];
      const told = async (runs: ChangedRun[]) => (await store().countFailures(term, runs, start + minute)).length;
      assert.equal(await told([two, success, one]), 0);
      assert.equal(await told([one, success]), 0);
      assert.equal(await told(others), 0);
      // Settled late: it had succeeded.
      assert.equal(await told([{ ...two, state: 'Succeeded' }]), 0);
      assert.equal(await told([three]), 0);
      assert.equal(await told([ended(job, start + 6_000, 'Failed')]), 1);
    });

    it('begin anew with a resumption and with another limit, and end the pause', async () => {
      const term = await elect();
      const job = await create({ pauseAfterFailures: 1 });
      const fail = async (at: number) => (await store().countFailures(term, [ended(job, at, 'Failed')], at + 1)).length;
      assert.equal(await fail(start + 1_000), 1);
      const { spec } = job;
      await store().updateJob(changeOf(job, { revision: 2, labels: { a: 'b' } }));
      assert.ok((await get(job)).paused, 'the same limits');
      const resumed = changeOf(job, { revision: 3, resume: true, now: start + 2 * minute });
      const after = await store().updateJob(resumed);
      assert.deepEqual([after.paused, after.countsFrom], [undefined, start + 2 * minute]);
      assert.equal((await store().spellsOf([job.uid])).at(-1)?.paused, undefined);
      assert.equal(await fail(start + minute), 0, 'of before');
      assert.equal(await fail(start + 3 * minute), 1);
      const wider = changeOf(job, { revision: 5, spec: { ...spec, pauseAfterFailures: 2 }, now: start + 4 * minute });
      assert.equal((await store().updateJob(wider)).paused, undefined);
      assert.equal(await fail(start + 5 * minute), 0);
    });

    it('belong to their term, and are nobody’s without a limit', async () => {
      const term = await elect();
      const [plain, limited] = [await create({}), await create({ pauseAfterFailures: 1 })];
      assert.deepEqual(await store().countFailures(term, [ended(plain, start + 1, 'Failed')], start + 2), []);
      await store().nextTerm(term.role, 'master-2');
      const failure = ended(limited, start + 1, 'Failed');
      await assert.rejects(store().countFailures(term, [failure], start + 2), StaleTermError);
      assert.equal((await get(limited)).paused, undefined);
    });
  });

  describe('pauses: the limit of runs', () => {
    it('pause once, and not a job whose count has begun anew', async () => {
      const term = await elect();
      const job = await create({ maxRuns: 5 });
      const limit = { uid: job.uid, countsFrom: start, detail: 'it has had its 5 runs (maxRuns)' };
      await store().updateJob(changeOf(job, { spec: specOf({ maxRuns: 6 }), now: start + minute }));
      const [, spell] = await store().spellsOf([job.uid]);
      assert.deepEqual([spell?.countsFrom, spell?.floor], [start + minute, start + minute]);
      assert.deepEqual(await store().pauseAtLimit(term, [limit], start + 2 * minute), []);
      const now = { ...limit, countsFrom: start + minute };
      const [paused] = await store().pauseAtLimit(term, [now], start + 2 * minute);
      assert.equal(paused?.paused?.reason, 'RunLimit');
      assert.deepEqual(await store().pauseAtLimit(term, [now], start + 3 * minute), []);
    });
  });
}
