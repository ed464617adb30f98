import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { calendarSpec } from '../../../src/domain/calendar/spec.ts';
import type { NewCalendar, Store } from '../../../src/store/store.ts';
import { changeOf, minute, newJob, newName, specOf, start } from './fixtures.ts';

const specFor = (...dates: string[]) => calendarSpec.parse({ dates });

function newCalendar(changes: Partial<NewCalendar> = {}): NewCalendar {
  return {
    namespace: 'default',
    name: newName('calendar'),
    labels: { team: 'ops' },
    annotations: { 'cronmesh.io/window': 'a to b' },
    spec: specFor('2026-12-25'),
    now: start,
    ...changes,
  };
}

export function calendarsConformance(store: () => Store): void {
  const create = (changes: Partial<NewCalendar> = {}) => store().createCalendar(newCalendar(changes));
  const jobWith = (exclude: readonly string[], require: readonly string[] = []) =>
    newJob({ spec: specOf({ calendars: { exclude: [...exclude], require: [...require] } }) });

  describe('calendars', () => {
    it('gives back what was created, once for each name', async () => {
      const calendar = newCalendar();
      const created = await store().createCalendar(calendar);
      const { now, ...given } = calendar;
      assert.deepEqual(created, { ...given, revision: 1, createdAt: now, updatedAt: now });
      assert.deepEqual(await store().getCalendar('default', calendar.name), created);
      assert.equal(await store().getCalendar('other', calendar.name), undefined);
      await assert.rejects(store().createCalendar(calendar), { code: 'AlreadyExists' });
      await store().createCalendar({ ...calendar, namespace: 'other' });
    });

    it('lists by name, in pages', async () => {
      const namespace = newName('ns');
      for (const name of ['b', 'a', 'c']) await create({ namespace, name });
      const first = await store().listCalendars({ namespace, limit: 2 });
      assert.deepEqual(
        first.items.map(({ name }) => name),
        ['a', 'b'],
      );
      assert.ok(first.next);
      const second = await store().listCalendars({ namespace, limit: 2, cursor: first.next });
      assert.deepEqual(
        second.items.map(({ name }) => name),
        ['c'],
      );
      assert.equal(second.next, undefined);
    });

    it('gives a job what the calendars that it names hold, and its spell too', async () => {
      const [one, other] = [await create(), await create({ spec: specFor('2027-01-01') })];
      const job = jobWith([one.name], [other.name]);
      const created = await store().createJob(job);
      const expected = [one, other]
        .map(({ name, spec }) => ({ name, spec }))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1));
      assert.deepEqual(created.calendars, expected);
      assert.deepEqual((await store().getJob('default', job.name))?.calendars, expected);
      assert.deepEqual((await store().spellsOf([job.uid]))[0]?.calendars, expected);
      assert.deepEqual(await store().calendarUsers('default', one.name), [{ namespace: 'default', name: job.name }]);
    });

    it('refuses a job that names a calendar that is not there, and tells those that are', async () => {
      const namespace = newName('ns');
      await create({ namespace, name: 'holidays' });
      const spec = specOf({ calendars: { exclude: ['holiday'], require: [] } });
      const refused = { code: 'InvalidInput', message: /spec\.calendars\.exclude\[0\] .*did you mean "holidays"\?/ };
      await assert.rejects(store().createJob(newJob({ namespace, spec })), refused);
      const job = newJob({ namespace });
      await store().createJob(job);
      await assert.rejects(store().updateJob(changeOf(job, { spec })), refused);
      assert.equal((await store().getJob(namespace, job.name))?.revision, 1);
    });

    it('changes every job that names a changed calendar, and no other', async () => {
      const [calendar, other] = [await create(), await create()];
      const jobs = [jobWith([calendar.name]), jobWith([], [calendar.name, other.name]), jobWith([other.name])];
      for (const job of jobs) await store().createJob(job);
      await store().publicationsDone(await store().pendingPublications(100_000));
      const now = start + 5 * minute;
      const spec = specFor('2026-12-25', '2026-12-26');
      const { revision, namespace, name } = calendar;
      const change = { namespace, name, revision, labels: {}, annotations: {}, spec, now };
      const changed = await store().updateCalendar(change);
      assert.equal(changed.calendar.revision, 2);
      assert.deepEqual(
        changed.jobs.map(job => job.name).toSorted(),
        jobs
          .slice(0, 2)
          .map(job => job.name)
          .toSorted(),
      );
      const due = (await store().pendingPublications(100)).map(row => row.name);
      for (const [i, job] of jobs.entries()) {
        const after = await store().getJob('default', job.name);
        const spells = await store().spellsOf([job.uid]);
        const users = i < 2;
        assert.equal(after?.revision, users ? 2 : 1);
        assert.equal(after?.floor, users ? now : start);
        assert.equal(
          after?.calendars?.some(one => one.spec.dates.length === 2),
          users,
        );
        assert.equal(due.includes(job.name), users);
        assert.deepEqual(
          spells.toSorted((a, b) => a.floor - b.floor).map(({ floor, until }) => [floor, until]),
          users
            ? [
                [start, now],
                [now, undefined],
              ]
            : [[start, undefined]],
        );
      }
      // Only its labels: the jobs stay as they are.
      const labelled = await store().updateCalendar({ ...change, revision: 2, labels: { a: 'b' }, now: now + minute });
      assert.deepEqual(labelled.jobs, []);
      assert.equal((await store().getJob('default', jobs[0]?.name ?? ''))?.revision, 2);
      await assert.rejects(store().updateCalendar({ ...change, revision: 2 }), { code: 'StaleRevision' });
      await assert.rejects(store().updateCalendar({ ...change, name: newName() }), { code: 'NotFound' });
    });

    it('moves the floor with the calendars and the other fields that decide ticks, whatever was stamped', async () => {
      const calendar = await create();
      const job = newJob();
      await store().createJob(job);
      const changes = [
        { calendars: { exclude: [calendar.name], require: [] } },
        { calendars: { exclude: [], require: [calendar.name] } },
        { startAt: '2026-12-01T00:00:00Z' },
        { endAt: '2027-12-01T00:00:00Z' },
        { jitterSeconds: 60 },
        {},
      ];
      for (const [i, change] of changes.entries()) {
        const now = start + (i + 1) * minute;
        const updated = await store().updateJob(changeOf(job, { spec: specOf(change), revision: i + 1, now }));
        assert.equal(updated.floor, now, JSON.stringify(change));
        assert.equal(updated.calendars === undefined, !('calendars' in change));
      }
      const last = changes.length;
      const now = start + 20 * minute;
      const same = await store().updateJob(changeOf(job, { labels: { a: 'b' }, revision: last + 1, now }));
      assert.equal(same.floor, start + last * minute);
    });

    it('deletes what no job names', async () => {
      const calendar = await create();
      const job = jobWith([calendar.name]);
      await store().createJob(job);
      const refused = { code: 'Conflict', message: new RegExp(`the job ${job.name};`) };
      await assert.rejects(store().deleteCalendar('default', calendar.name), refused);
      await store().deleteJob(job.uid, start);
      await assert.rejects(store().deleteCalendar('default', calendar.name, 7), { code: 'StaleRevision' });
      await store().deleteCalendar('default', calendar.name, 1);
      await assert.rejects(store().deleteCalendar('default', calendar.name), { code: 'NotFound' });
    });

    it('refuses jobs that are too large with their calendars, at either change', async () => {
      const dates = Array.from({ length: 4_900 }, (_, i) => new Date(i * 86_400_000).toISOString().slice(0, 10));
      const spec = specFor(...dates);
      const large = await Promise.all(Array.from({ length: 8 }, () => create({ spec })));
      const names = large.map(({ name }) => name);
      const refused = { code: 'InvalidInput', message: /spec\.calendars are too large together with the job/ };
      await assert.rejects(store().createJob(jobWith(names)), refused);
      const small = await create();
      const job = jobWith([...names.slice(0, 5), small.name]);
      await store().createJob(job);
      const { revision, namespace, name, labels, annotations } = small;
      const change = { namespace, name, revision, labels, annotations, spec, now: start + minute };
      await assert.rejects(store().updateCalendar(change), {
        ...refused,
        message: new RegExp(`the job default/${job.name}`),
      });
      assert.equal((await store().getCalendar(namespace, name))?.revision, 1);
    });

    it('is whole when jobs and their calendar change at once', async () => {
      const calendar = await create();
      const jobs = Array.from({ length: 4 }, () => jobWith([calendar.name]));
      for (const job of jobs) await store().createJob(job);
      const { namespace, name, labels, annotations } = calendar;
      const changes = [1, 2, 3, 4].flatMap(i => [
        store().updateCalendar({
          ...{ namespace, name, labels, annotations },
          revision: i,
          spec: specFor(`2026-11-0${i}`),
          now: start + i * minute,
        }),
        ...jobs.map(job => store().updateJob(changeOf(job, { labels: { i: `${i}` }, spec: job.spec, revision: i }))),
      ]);
      for (const result of await Promise.allSettled(changes)) {
        if (result.status === 'rejected') assert.equal(result.reason.code, 'StaleRevision', result.reason.message);
      }
      const now = await store().getCalendar(namespace, name);
      for (const job of jobs) {
        assert.deepEqual((await store().getJob(namespace, job.name))?.calendars, [{ name, spec: now?.spec }]);
      }
    });
  });
}
