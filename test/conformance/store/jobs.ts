import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Job } from '../../../src/domain/job/job.ts';
import type { Store } from '../../../src/store/store.ts';
import { changeOf, minute, newJob, newName, newUid, specOf, start } from './fixtures.ts';

export function jobsConformance(store: () => Store): void {
  describe('jobs', () => {
    it('gives back what was created, whatever the strings hold', async () => {
      const annotations = { note: 'Zeile 1\nlínea 2 \u{1F550} "\\', empty: '' };
      const spec = specOf({
        executor: { shell: { interpreter: '/bin/sh', env: {}, outputLimitBytes: 1, command: 'printf "a\0b"' } },
      });
      const job = newJob({ labels: { team: 'ops', 'example.com/tier': '' }, annotations, spec, source: 'kubernetes' });
      const created = await store().createJob(job);
      const { now, ...given } = job;
      assert.deepEqual(created, {
        ...given,
        revision: 1,
        floor: now,
        anchor: now,
        countsFrom: now,
        createdAt: now,
        updatedAt: now,
      });
      assert.deepEqual(await store().getJob(job.namespace, job.name), created);
      assert.deepEqual(await store().getJobs([job, { namespace: 'default', name: newName() }, job]), [created]);
      assert.equal(await store().getJob(job.namespace, newName()), undefined);
    });

    it('refuses a second job of a name', async () => {
      const job = await created(store());
      await assert.rejects(store().createJob(newJob({ name: job.name })), { code: 'AlreadyExists' });
      assert.equal((await store().getJob('default', job.name))?.uid, job.uid);
      await store().createJob(newJob({ name: job.name, namespace: 'other' }));
    });

    it('lets one of several that create the same name win', async () => {
      const name = newName();
      const results = await Promise.allSettled([1, 2, 3, 4].map(() => store().createJob(newJob({ name }))));
      assert.equal(results.filter(result => result.status === 'fulfilled').length, 1);
    });

    it('updates from the newest revision only', async () => {
      const job = newJob();
      await store().createJob(job);
      const updated = await store().updateJob(changeOf(job, { labels: { a: 'b' } }));
      assert.equal(updated.revision, 2);
      assert.equal(updated.createdAt, start);
      assert.equal(updated.updatedAt, start + minute);
      assert.deepEqual(await store().getJob(job.namespace, job.name), updated);
      await assert.rejects(store().updateJob(changeOf(job)), { code: 'StaleRevision' });
      await assert.rejects(store().updateJob(changeOf(newJob())), { code: 'NotFound' });
    });

    it('lets one of several that change the same revision win', async () => {
      const job = newJob();
      await store().createJob(job);
      const results = await Promise.allSettled([1, 2, 3, 4].map(() => store().updateJob(changeOf(job))));
      assert.equal(results.filter(result => result.status === 'fulfilled').length, 1);
      assert.equal((await store().getJob(job.namespace, job.name))?.revision, 2);
    });

    it('deletes, and frees the name', async () => {
      const job = await created(store());
      await assert.rejects(store().deleteJob(job.uid, start, 2), { code: 'StaleRevision' });
      await store().deleteJob(job.uid, start + minute, 1);
      assert.equal(await store().getJob(job.namespace, job.name), undefined);
      await assert.rejects(store().deleteJob(job.uid, start), { code: 'NotFound' });
      const again = await store().createJob(newJob({ name: job.name }));
      assert.equal(again.revision, 1);
    });

    it('lists by namespace and name, in pages without gaps or repeats', async () => {
      const namespace = newName('ns');
      const names = ['a', 'a-b', 'a.b', 'a0', 'b', 'z-9', 'z.1'];
      for (const name of names.toReversed()) await store().createJob(newJob({ namespace, name }));
      const pages = await everyPage(store(), { namespace, limit: 3 });
      // Byte by byte: '-' is before '.', '.' before '0'.
      assert.deepEqual(
        pages.map(page => page.map(job => job.name)),
        [['a', 'a-b', 'a.b'], ['a0', 'b', 'z-9'], ['z.1']],
      );
      assert.equal((await store().listJobs({ namespace, limit: 7 })).next, undefined);
    });

    it('filters by labels and by part of the name', async () => {
      const namespace = newName('ns');
      await store().createJob(newJob({ namespace, name: 'backup-db', labels: { team: 'ops', tier: '1' } }));
      await store().createJob(newJob({ namespace, name: 'backup-files', labels: { team: 'ops' } }));
      await store().createJob(newJob({ namespace, name: 'report_100%', labels: { team: 'sales' } }));
      const named = async (filter: object) =>
        (await store().listJobs({ namespace, limit: 10, ...filter })).items.map(job => job.name);
      assert.deepEqual(await named({ labels: { team: 'ops' } }), ['backup-db', 'backup-files']);
      assert.deepEqual(await named({ labels: { team: 'ops', tier: '1' } }), ['backup-db']);
      assert.deepEqual(await named({ labels: {} }), ['backup-db', 'backup-files', 'report_100%']);
      assert.deepEqual(await named({ search: 'up-f' }), ['backup-files']);
      assert.deepEqual(await named({ search: '_' }), ['report_100%'], 'nothing is a pattern');
    });

    it('refuses a cursor that it did not give', async () => {
      for (const cursor of ['x', 'W10', 'WzEsMl0']) {
        await assert.rejects(store().listJobs({ cursor, limit: 1 }), { code: 'InvalidInput' });
      }
    });
  });

  describe('outbox', () => {
    it('holds one row for each changed job, the oldest change first', async () => {
      const [one, two] = [newJob(), newJob()];
      await store().createJob(one);
      await store().createJob(two);
      await store().updateJob(changeOf(one));
      const rows = await publicationsOf(store(), [one.name, two.name]);
      assert.deepEqual(
        rows.map(row => row.name),
        [two.name, one.name],
      );
    });

    it('forgets what was published and keeps a newer change', async () => {
      const job = newJob();
      await store().createJob(job);
      const before = await publicationsOf(store(), [job.name]);
      await store().updateJob(changeOf(job));
      await store().publicationsDone(before);
      const after = await publicationsOf(store(), [job.name]);
      assert.equal(after.length, 1);
      await store().publicationsDone(after);
      assert.deepEqual(await publicationsOf(store(), [job.name]), []);
      await store().deleteJob(job.uid, start);
      assert.equal((await publicationsOf(store(), [job.name])).length, 1, 'a deletion is published too');
    });

    it('puts every job in again when the coordinator was wiped', async () => {
      const job = newJob();
      await store().createJob(job);
      await store().publicationsDone(await store().pendingPublications(10_000));
      const count = await store().republishAll();
      assert.equal(count, (await store().pendingPublications(10_000)).length);
      assert.equal((await publicationsOf(store(), [job.name])).length, 1);
    });
  });

  describe('spells', () => {
    it('end and begin at the floor when the schedule changes', async () => {
      const job = newJob();
      await store().createJob(job);
      const floor = start + minute;
      const hourly = specOf({ schedule: '@hourly' });
      await store().updateJob(changeOf(job, { spec: hourly, floor, now: floor }));
      const { uid, namespace, name, spec } = job;
      const common = { uid, namespace, name, anchor: start, countsFrom: start };
      assert.deepEqual(await store().spellsOf([uid]), [
        { ...common, revision: 1, spec, floor: start, until: floor, accountedUntil: start },
        { ...common, revision: 2, spec: hourly, floor, accountedUntil: floor },
      ]);
    });

    it('go on under the new revision when the ticks stay the same', async () => {
      const job = newJob();
      await store().createJob(job);
      const spec = specOf({ misfirePolicy: 'RunLatest' });
      await store().updateJob(changeOf(job, { spec }));
      const spells = await store().spellsOf([job.uid]);
      assert.deepEqual(
        spells.map(one => [one.revision, one.spec.misfirePolicy, one.until]),
        [[2, 'RunLatest', undefined]],
      );
    });

    it('end with the job', async () => {
      const job = await created(store());
      await store().deleteJob(job.uid, start + minute);
      const [spell] = await store().spellsOf([job.uid]);
      assert.equal(spell?.until, start + minute);
    });

    it('are found by name, those of earlier jobs of it too', async () => {
      const first = await created(store());
      await store().deleteJob(first.uid, start + minute);
      const second = newJob({ namespace: first.namespace, name: first.name, now: start + 2 * minute });
      await store().createJob(second);
      const spells = await store().spellsNamed(first.namespace, first.name);
      assert.deepEqual(
        spells.map(one => [one.uid, one.floor, one.until]),
        [
          [first.uid, start, start + minute],
          [second.uid, start + 2 * minute, undefined],
        ],
      );
      assert.deepEqual(await store().spellsNamed(first.namespace, `${first.name}-x`), []);
    });

    it('never let a floor go back, nor a new schedule reach into the past', async () => {
      const job = newJob();
      await store().createJob(job);
      const back = await store().updateJob(changeOf(job, { floor: start - minute }));
      assert.equal(back.floor, start);
      const spec = specOf({ schedule: '@hourly' });
      const kept = await store().updateJob(changeOf(job, { spec, revision: 2, floor: start, now: start + 2 * minute }));
      assert.equal(kept.floor, start + 2 * minute);
    });

    it('are open until they are accounted to their end', async () => {
      const job = newJob();
      await store().createJob(job);
      const isOpen = async () =>
        (await store().openSpells(justBefore(job.uid), 1)).filter(one => one.uid === job.uid).length > 0;
      const term = await store().nextTerm(newName('role'), 'master-1');
      const account = (until: number) =>
        store().account(
          term,
          { skips: [], lost: [], expired: [], catchups: [], accounted: [{ uid: job.uid, revision: 1, until }] },
          start,
        );
      await account(start + 10 * minute);
      assert.equal(await isOpen(), true, 'a living job is always open');
      await store().deleteJob(job.uid, start + 20 * minute);
      assert.equal(await isOpen(), true);
      await account(start + 15 * minute);
      await account(start + 12 * minute);
      assert.equal((await store().spellsOf([job.uid]))[0]?.accountedUntil, start + 15 * minute, 'it never goes back');
      await account(start + 60 * minute);
      assert.equal((await store().spellsOf([job.uid]))[0]?.accountedUntil, start + 20 * minute, 'nor past the end');
      assert.equal(await isOpen(), false);
    });

    it('are paged by uid, each job whole', async () => {
      const prefix = newUid().slice(0, 15);
      const uids = ['a', 'b', 'c'].map(last => `${prefix}${last}` as Job['uid']);
      for (const uid of uids) {
        const job = newJob({ uid });
        await store().createJob(job);
        await store().updateJob(changeOf(job, { spec: specOf({ suspend: true }), floor: start + minute }));
      }
      const page = await store().openSpells(prefix, 2);
      assert.deepEqual(
        page.map(one => `${one.uid.slice(15)}${one.revision}`),
        ['a1', 'a2', 'b1', 'b2'],
      );
      const [next] = await store().openSpells(`${prefix}b`, 1);
      assert.equal(next?.uid, uids[2]);
    });
  });
}

const created = (store: Store): Promise<Job> => store.createJob(newJob());

const justBefore = (uid: string): string => uid.slice(0, 15);

async function publicationsOf(store: Store, names: readonly string[]) {
  return (await store.pendingPublications(10_000)).filter(row => names.includes(row.name));
}

async function everyPage(store: Store, filter: Parameters<Store['listJobs']>[0]): Promise<readonly (readonly Job[])[]> {
  const pages: (readonly Job[])[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.listJobs({ ...filter, ...(cursor !== undefined && { cursor }) });
    pages.push(page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return pages;
}
