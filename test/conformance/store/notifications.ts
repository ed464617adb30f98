import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NewNotification } from '../../../src/domain/notification/notification.ts';
import type { RunId, RunState } from '../../../src/domain/run/run.ts';
import { StaleTermError, type Store, type Term } from '../../../src/store/store.ts';
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
  started,
  worker,
} from './fixtures.ts';

const failed: readonly RunState[] = ['Failed', 'TimedOut', 'Lost'];

export function notificationsConformance(store: () => Store): void {
  const term = async (): Promise<Term> => await store().nextTerm(newName('role'), 'master-1');
  const wanted = (changes: Partial<NewNotification> = {}): NewNotification => {
    const name = changes.name ?? newName();
    const content = { event: 'Failure', namespace: 'default', job: name, at: start, title: 'T', text: 'é' } as const;
    const id = `${newUid()}/Failure/0`;
    return { id, jobUid: newUid(), namespace: 'default', name, channel: 'ops', event: 'Failure', content, ...changes };
  };

  describe('notifications', () => {
    it('are told once each, oldest first, in their channel, when they are due', async () => {
      const channel = newName('channel');
      const [one, two, other] = [wanted({ channel }), wanted({ channel }), wanted()];
      const elected = await term();
      await store().addNotifications(elected, [one, other], start);
      await store().addNotifications(elected, [one, two], start + 1);
      const due = await store().dueNotifications(channel, start + 1, 10);
      assert.deepEqual(due, [
        { ...one, state: 'Waiting', attempts: 0, createdAt: start, at: start },
        { ...two, state: 'Waiting', attempts: 0, createdAt: start + 1, at: start + 1 },
      ]);
      assert.equal((await store().dueNotifications(channel, start, 10)).length, 1);
      const later = { id: one.id, state: 'Waiting', attempts: 1, at: start + minute, error: 'no answer' } as const;
      await store().noteNotification(elected, later);
      assert.deepEqual(
        (await store().dueNotifications(channel, start + 1, 10)).map(({ id }) => id),
        [two.id],
      );
      await store().noteNotification(elected, { id: two.id, state: 'Sent', attempts: 1, at: start + 2 });
      // What was sent stays sent.
      await store().noteNotification(elected, { id: two.id, state: 'Failed', attempts: 2, at: start + 3 });
      const listed = await store().listNotifications({ namespace: 'default', name: two.name, limit: 5 });
      assert.deepEqual(
        listed.map(({ state, attempts }) => [state, attempts]),
        [['Sent', 1]],
      );
      const [waiting] = await store().listNotifications({ name: one.name, state: 'Waiting', limit: 5 });
      assert.equal(waiting?.error, 'no answer');
    });

    it('are the leader’s to write', async () => {
      const role = newName('role');
      const old = await store().nextTerm(role, 'master-1');
      await store().nextTerm(role, 'master-2');
      await assert.rejects(store().addNotifications(old, [wanted()], start), StaleTermError);
    });

    it('count the failures right before a run', async () => {
      const about = { jobUid: newUid(), name: newName() };
      const ends = ['Failed', 'Succeeded', 'Failed', 'Killed', 'TimedOut', 'Lost', 'Succeeded'] as const;
      const runs = ends.map((_, i) => referenceOf({ ...about, tick: start + i * minute }));
      const reports = runs.flatMap((run, i) => [claimed(run), finished(run, { outcome: ends[i] ?? 'Failed' })]);
      await store().applyReports(worker, reports, start);
      const counts = await store().failuresBefore(
        runs.map(({ run }) => run),
        failed,
      );
      assert.deepEqual(
        runs.map(({ run }) => counts.get(run)),
        [0, 1, 0, 1, 1, 2, 3],
      );
    });

    it('find skips as they were recorded, of these jobs alone', async () => {
      const [one, other] = [skipped(), skipped()];
      const recorded = start + 100 * minute;
      await store().applyReports(worker, [one, other], recorded);
      const found = await store().skipsRecordedAfter(recorded - 1, [one.jobUid], 10);
      assert.deepEqual(
        found.map(({ jobUid, reason }) => [jobUid, reason]),
        [[one.jobUid, 'StillRunning']],
      );
      assert.deepEqual(await store().skipsRecordedAfter(recorded, [one.jobUid], 10), []);
    });

    it('find runs that began late, and those that have not begun', async () => {
      const job = { jobUid: newUid(), namespace: 'default', name: newName() };
      const at = (tick: number) => referenceOf({ ...job, tick });
      const [soon, late, waiting] = [at(start), at(start + minute), at(start + 2 * minute)];
      await store().applyReports(
        worker,
        [
          ...[soon, late, waiting].map(one => claimed(one)),
          started(soon, { at: start + 9_000 }),
          started(late, { at: start + minute + 11_000 }),
        ],
        start,
      );
      const delayed = newRun({ ...job, requestedAt: start + 10 * minute });
      await store().createRun(delayed);
      const find = async (now: number) =>
        (await store().lateRuns([job], { since: start - minute, now, lateness: 10_000 })).map(({ id }) => id).sort();
      assert.deepEqual(await find(start + 2 * minute + 9_000), [late.run]);
      assert.deepEqual(await find(start + 2 * minute + 11_000), [late.run, waiting.run].sort());
      assert.deepEqual(await find(start + 11 * minute), [delayed.id, late.run, waiting.run].sort());
    });
  });

  describe('a job’s history', () => {
    const make = async (count: number): Promise<{ job: Parameters<Store['trim']>[1]; ids: RunId[] }> => {
      const created = await store().createJob(newJob({ now: start - minute }));
      const { uid: jobUid, namespace, name } = created;
      const runs = Array.from({ length: count }, (_, i) =>
        referenceOf({ jobUid, namespace, name, tick: start + i * minute }),
      );
      await store().applyReports(
        worker,
        runs.flatMap((run, i) => [
          claimed(run),
          output(run, 0, '0123456789'),
          finished(run, { at: start + i * minute + 1_000 }),
        ]),
        start,
      );
      const until = start + 100 * minute;
      const nothing = { skips: [], lost: [], expired: [], catchups: [] };
      await store().account(await term(), { ...nothing, accounted: [{ uid: jobUid, revision: 1, until }] }, start);
      return { job: { jobUid, namespace, name }, ids: runs.map(({ run }) => run) };
    };
    const late = { now: start + 200 * minute, before: start + 190 * minute };
    const left = async (ids: readonly RunId[]) => {
      const there = new Set((await store().getRuns(ids)).map(({ id }) => id));
      return ids.map(id => there.has(id));
    };
    const logged = async (ids: readonly RunId[]) =>
      await Promise.all(ids.map(async id => (await store().runLogs(id, { after: 0, limit: 10 })).length));

    it('is kept by number', async () => {
      const { job, ids } = await make(4);
      assert.equal(await store().trim(await term(), job, { runs: 2 }, late, 10), 2);
      assert.deepEqual(await left(ids), [false, false, true, true]);
      assert.deepEqual(await logged(ids), [0, 0, 1, 1]);
      assert.equal(await store().trim(await term(), job, { runs: 2 }, late, 10), 0);
    });

    it('is kept by age', async () => {
      const { job, ids } = await make(3);
      // The second ended 199 minutes ago less a second.
      const days = (199 * minute - 1_500) / 86_400_000;
      assert.equal(await store().trim(await term(), job, { days }, late, 10), 2);
      assert.deepEqual(await left(ids), [false, false, true]);
    });

    it('is kept by its output, and the newest run’s always', async () => {
      const { job, ids } = await make(4);
      assert.equal(await store().trim(await term(), job, { outputBytes: 25 }, late, 10), 2);
      assert.deepEqual(await left(ids), [true, true, true, true]);
      assert.deepEqual(await logged(ids), [0, 0, 1, 1]);
      assert.equal(await store().trim(await term(), job, { outputBytes: 0 }, late, 10), 1);
      assert.deepEqual(await logged(ids), [0, 0, 0, 1]);
    });

    it('is not touched where it is not accounted, not ended, or ended just now', async () => {
      const { job, ids } = await make(2);
      const open = referenceOf({ ...job, tick: start + 3 * minute });
      const unaccounted = referenceOf({ ...job, tick: start + 101 * minute });
      await store().applyReports(worker, [claimed(open), claimed(unaccounted), finished(unaccounted)], start);
      assert.equal(await store().trim(await term(), job, { runs: 1 }, { ...late, before: start }, 10), 0);
      assert.equal(await store().trim(await term(), job, { runs: 1 }, late, 10), 2);
      assert.deepEqual(await left([...ids, open.run, unaccounted.run]), [false, false, true, true]);
    });
  });
}
