import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { backfillId, backfillRunId, tickRunId } from '../../../src/domain/run/run.ts';
import type { BackfillStep, NewBackfill } from '../../../src/store/backfill.ts';
import { type Findings, StaleTermError, type Store } from '../../../src/store/store.ts';
import { claimed, finished, minute, newJob, newName, newRun, referenceOf, start, worker } from './fixtures.ts';

const nothing: Findings = { skips: [], lost: [], expired: [], catchups: [], accounted: [] };
const none = { succeeded: 0, failed: 0, skipped: 0, leftOut: 0 };
/** Far from the instants of other tests: they share the database. */
const era = start - 900 * 86_400_000;

export function backfillsConformance(store: () => Store): void {
  const elect = () => store().nextTerm(newName('role'), 'master-1');
  const newBackfill = (changes: Partial<NewBackfill> = {}): NewBackfill => {
    const { uid, namespace, name } = newJob();
    return {
      id: backfillId(uid, randomBytes(3).toString('hex')),
      jobUid: uid,
      namespace,
      name,
      from: era,
      to: era + 10 * minute,
      parallelism: 2,
      order: 'OldestFirst',
      onlyMissing: true,
      total: 10,
      schedule: { uid, namespace, name, anchor: start, spec: { schedule: '* * * * *', timeZone: 'Asia/Tokyo' } },
      by: 'ada via REST',
      at: start,
      ...changes,
    };
  };
  const runOf = (backfill: NewBackfill, tick: number) =>
    newRun({
      id: backfillRunId(backfill.id, tick),
      jobUid: backfill.jobUid,
      name: backfill.name,
      trigger: 'backfill',
      tick,
    });
  const step = (backfill: NewBackfill, changes: Partial<BackfillStep> = {}): BackfillStep => ({
    id: backfill.id,
    from: 'Running',
    state: 'Running',
    counts: none,
    open: [],
    runs: [],
    ...changes,
  });

  describe('backfills', () => {
    it('are kept as they were asked for, once', async () => {
      const wanted = newBackfill();
      const made = await store().createBackfill(wanted);
      assert.deepEqual(made, { ...wanted, state: 'Running', counts: none, open: [] });
      assert.deepEqual(await store().getBackfill(wanted.id), made);
      await assert.rejects(store().createBackfill(wanted), { code: 'AlreadyExists' });
      assert.equal(await store().getBackfill(newBackfill().id), undefined);
    });

    it('are listed newest first, by pages, and by job and state', async () => {
      const name = newName();
      const made = [0, 1, 2, 2].map(i => newBackfill({ name, at: start + i }));
      for (const one of made) await store().createBackfill(one);
      const ids = made.toSorted((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1)).map(({ id }) => id);
      const first = await store().listBackfills({ namespace: 'default', name, limit: 3 });
      const rest = await store().listBackfills({ name, limit: 3, ...(first.next && { cursor: first.next }) });
      assert.deepEqual(
        [...first.items, ...rest.items].map(({ id }) => id),
        ids,
      );
      assert.deepEqual([first.items.length, rest.next], [3, undefined]);
      await store().cancelBackfill(ids[0] as NewBackfill['id'], 'enough');
      const cancelled = await store().listBackfills({ name, state: 'Cancelled', limit: 3 });
      assert.deepEqual(
        cancelled.items.map(({ id, message }) => [id, message]),
        [[ids[0], 'enough']],
      );
      await assert.rejects(store().listBackfills({ limit: 1, cursor: 'nonsense' }), { code: 'InvalidInput' });
    });

    it('advance: runs, counts and position together, and what is open is found', async () => {
      const backfill = newBackfill();
      await store().createBackfill(backfill);
      const isOpen = async () => (await store().openBackfills(1_000)).some(({ id }) => id === backfill.id);
      const term = await elect();
      const runs = [era, era + minute].map(tick => runOf(backfill, tick));
      const first = step(backfill, { runs, open: [era, era + minute], position: era + minute });
      assert.equal(await store().advanceBackfill(term, first), true);
      const counts = { succeeded: 1, failed: 2, skipped: 3, leftOut: 4 };
      assert.equal(await store().advanceBackfill(term, step(backfill, { counts, open: [era] })), true);
      const found = await store().getBackfill(backfill.id);
      assert.deepEqual([found?.position, found?.open, found?.counts], [era + minute, [era], counts]);
      const [row] = await store().getRuns([backfillRunId(backfill.id, era)]);
      assert.deepEqual([row?.state, row?.trigger, row?.tick], ['Pending', 'backfill', era]);
      assert.equal(await isOpen(), true);
      await store().advanceBackfill(term, step(backfill, { state: 'Done', counts, endedAt: start + 5 }));
      assert.deepEqual([await isOpen(), (await store().getBackfill(backfill.id))?.endedAt], [false, start + 5]);
    });

    it('that were cancelled meanwhile get no further run, nor one of a leader who was replaced', async () => {
      const backfill = newBackfill();
      await store().createBackfill(backfill);
      const old = await elect();
      const run = runOf(backfill, era);
      const term = await store().nextTerm(old.role, 'master-2');
      await assert.rejects(store().advanceBackfill(old, step(backfill, { runs: [run] })), StaleTermError);
      assert.equal(await store().cancelBackfill(backfill.id, 'enough'), true);
      assert.equal(await store().cancelBackfill(backfill.id, 'twice'), false);
      assert.equal(await store().advanceBackfill(term, step(backfill, { runs: [run], position: era })), false);
      assert.equal(await store().getRun(run.id), undefined);
      const found = await store().getBackfill(backfill.id);
      assert.deepEqual([found?.position, found?.message], [undefined, 'enough']);
    });

    it('leave out ticks that have a run, whichever it is, but one that never started', async () => {
      const backfill = newBackfill();
      const { jobUid, name } = backfill;
      const own = referenceOf({ jobUid, name, tick: era, run: tickRunId(jobUid, era) });
      await store().applyReports(worker, [claimed(own), finished(own, { outcome: 'Failed' })], start);
      const skipped = runOf(backfill, era + minute);
      await store().createRun(skipped);
      assert.equal(await store().cancelRun(skipped.id, 'enough', start), true);
      await store().createRun(runOf(backfill, era + 2 * minute));
      await store().createRun(newRun({ ...runOf(backfill, era + 3 * minute), jobUid: newJob().uid }));
      const job = { uid: jobUid, namespace: 'default', name };
      const found = await store().ticksWithRun(job, era, era + 3 * minute);
      assert.deepEqual([...found].sort(), [era, era + 2 * minute]);
      assert.deepEqual([...(await store().ticksWithRun(job, era + 1, era + minute))], []);
    });

    it('have runs that account for no tick', async () => {
      const job = newJob({ now: era });
      await store().createJob(job);
      const backfill = newBackfill({ jobUid: job.uid, name: job.name, id: backfillId(job.uid, 'abc123') });
      await store().createRun(runOf(backfill, era + minute));
      const own = referenceOf({ jobUid: job.uid, name: job.name, tick: era + 2 * minute });
      await store().applyReports(worker, [claimed(own)], start);
      const asked = [{ uid: job.uid, after: era, until: era + 5 * minute }];
      const found = (await store().accountedTicks(asked)).get(job.uid);
      assert.deepEqual([...(found?.ticks ?? [])], [era + 2 * minute]);
    });

    it('are forgotten once they ended long ago', async () => {
      const [old, open] = [newBackfill(), newBackfill()];
      for (const one of [old, open]) await store().createBackfill(one);
      const term = await elect();
      await store().advanceBackfill(term, step(old, { state: 'Done', endedAt: era }));
      await store().retain(term, era + 1, 1);
      assert.equal(await store().getBackfill(old.id), undefined);
      assert.ok(await store().getBackfill(open.id));
    });
  });

  describe('delayed runs', () => {
    it('wait until they are due, and count as changed when they were asked for', async () => {
      const due = start + 400 * 86_400_000;
      const run = newRun({ requestedAt: due, askedAt: era, deadline: due + minute });
      const { dueAt: _, published: __, attempt: ___, ...pending } = await one(due, run.id);
      async function one(by: number, id: string) {
        await store().createRun(run);
        const found = (await store().pendingRuns(100_000, by)).find(other => other.id === id);
        assert.ok(found);
        return found;
      }
      assert.equal(pending.requestedAt, due);
      assert.ok(!(await store().pendingRuns(100_000, due - 1)).some(({ id }) => id === run.id));
      const changed = await store().runsEndedAfter({ changedAt: era - 1, id: '' }, 100, [run.jobUid]);
      assert.deepEqual(changed, []);
      assert.equal(await store().cancelRun(run.id, 'cancelled by ada', era + 5), true);
      const [cancelled] = await store().runsEndedAfter({ changedAt: era - 1, id: '' }, 100, [run.jobUid]);
      assert.deepEqual(
        [cancelled?.state, cancelled?.reason, cancelled?.message, cancelled?.changedAt, cancelled?.finishedAt],
        ['Skipped', 'Cancelled', 'cancelled by ada', era + 5, era + 5],
      );
      assert.equal(await store().cancelRun(run.id, 'again', era + 6), false);
      assert.ok(!(await store().pendingRuns(100_000)).some(({ id }) => id === run.id));
    });

    it('are not cancelled once an attempt began, and what a late report says of a cancelled one changes nothing', async () => {
      const run = newRun();
      await store().createRun(run);
      const about = { run: run.id, attempt: 1, jobUid: run.jobUid, namespace: 'default', name: run.name } as const;
      await store().applyReports(worker, [claimed({ ...about, trigger: 'manual' })], start);
      assert.equal(await store().cancelRun(run.id, 'late', start), false);
      assert.equal((await store().getRun(run.id))?.state, 'Claimed');
      const gone = newRun();
      await store().createRun(gone);
      await store().cancelRun(gone.id, 'enough', start);
      await store().applyReports(
        worker,
        [claimed({ ...about, run: gone.id, jobUid: gone.jobUid, trigger: 'manual' })],
        start,
      );
      assert.equal((await store().getRun(gone.id))?.state, 'Skipped');
    });

    it('are not a job’s last run before they start', async () => {
      const job = newJob({ now: start });
      await store().createJob(job);
      const { uid: jobUid, name } = job;
      const own = referenceOf({ jobUid, name, tick: start + minute });
      await store().applyReports(worker, [claimed(own)], start + minute);
      const due = start + 86_400_000;
      const later = newRun({ jobUid, name, requestedAt: due, askedAt: start + 2 * minute });
      await store().createRun(later);
      assert.equal((await store().lastRuns([jobUid])).get(jobUid)?.id, own.run);
      const about = { run: later.id, attempt: 1, jobUid, namespace: 'default', name, trigger: 'manual' } as const;
      await store().applyReports(worker, [claimed(about)], due);
      assert.equal((await store().lastRuns([jobUid])).get(jobUid)?.id, later.id);
    });

    it('keep what is particular to them for every attempt', async () => {
      const particulars = { arguments: ['a "b"', '世界\n'], env: { A: 'x=y' } };
      const run = newRun({ particulars });
      assert.deepEqual((await store().createRun(run)).particulars, particulars);
      const about = { run: run.id, attempt: 1, jobUid: run.jobUid, namespace: 'default', name: run.name } as const;
      const reports = [
        claimed({ ...about, trigger: 'manual' }),
        finished({ ...about, trigger: 'manual' }, { outcome: 'Failed' }),
      ];
      await store().applyReports(worker, reports, start);
      const ended = await store().getRun(run.id);
      assert.ok(ended);
      await store().decideRetries(await elect(), [{ run: ended, at: start }], start);
      const asked = [{ run: run.id, attempt: 1, deadline: start + minute }];
      await store().askForRetries(await elect(), { asked, dropped: [] }, start);
      const pending = (await store().pendingRuns(100_000)).find(({ id }) => id === run.id);
      assert.deepEqual([pending?.attempt, pending?.particulars], [2, particulars]);
      await store().account(
        await elect(),
        { ...nothing, expired: [{ run: run.id, reason: 'NoCapacity', message: '' }] },
        start,
      );
    });
  });
}
