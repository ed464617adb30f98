import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Index } from '../../../src/coordination/coordinator.ts';
import { JobFeed, type JobFeedOptions } from '../../../src/coordination/feed.ts';
import { feedHeadKey, feedPath, feedShardOf, jobPath } from '../../../src/coordination/keys.ts';
import { feedRing, publish } from '../../../src/coordination/publish.ts';
import type { JobRecord } from '../../../src/coordination/records.ts';
import type { JobKey } from '../../../src/domain/job/job.ts';
import { silentLogger } from '../../../src/observability/logger.ts';
import { isRefused } from './keys.ts';
import { type Context, commit, Heard, indexOf, session } from './subject.ts';

interface Told {
  readonly job: JobKey;
  readonly revision: number | undefined;
  readonly index: Index;
}

/** The database's side: jobs by key, and what `publish` loads of them. */
class Rows {
  readonly jobs = new Map<JobKey, JobRecord>();

  set(job: JobKey, revision: number, command = 'true'): void {
    const [namespace = '', name = ''] = job.split('/');
    const spec = { schedule: '* * * * *', executor: { shell: { command } } } as unknown as JobRecord['spec'];
    const record = { v: 1, uid: `uid-${job}`, namespace, name, labels: {}, annotations: {}, spec, revision } as const;
    const times = { floor: 1, anchor: 1, createdAt: 1, updatedAt: revision };
    this.jobs.set(job, { ...record, ...times, source: 'api' } as unknown as JobRecord);
  }

  readonly load = async (): Promise<ReadonlyMap<JobKey, JobRecord>> => new Map(this.jobs);
}

/** Jobs that share a feed shard. */
function sameShard(count: number): JobKey[] {
  const jobs: JobKey[] = [];
  for (let i = 0; jobs.length < count; i++) {
    const job: JobKey = `default/shared-${i}`;
    if (feedShardOf(job) === 5) jobs.push(job);
  }
  return jobs;
}

export function feedSuite(context: Context): void {
  /** A feed whose looks at the head can be held back: what happens meanwhile, it missed. */
  function reader() {
    const { coordinator } = context();
    const told = new Heard<Told>();
    const resets = new Heard<number>();
    let closed: PromiseWithResolvers<void> | undefined;
    const held: JobFeedOptions['coordinator'] = {
      keys: (...args) => coordinator.keys(...args),
      transact: (...args) => coordinator.transact(...args),
      block: async (...args) => {
        const answer = await coordinator.block(...args);
        if (closed === undefined) return answer;
        await closed.promise;
        return coordinator.block(...args);
      },
    };
    const feed = new JobFeed({
      coordinator: held,
      logger: silentLogger,
      spacing: 5,
      wait: 500,
      onJob: (job, record, index) => told.add({ job, revision: record?.revision, index }),
      onReset: all => resets.add(all.size),
    });
    const close = () => {
      closed = Promise.withResolvers();
    };
    const open = () => {
      closed?.resolve();
      closed = undefined;
    };
    return { feed, told, resets, close, open };
  }

  const put = async (rows: Rows, ...jobs: JobKey[]) => publish(context().coordinator, jobs, rows.load);

  describe('feed', () => {
    beforeEach(async () => {
      const { coordinator } = context();
      const keys = await coordinator.keys('cron/', { consistent: true });
      for (let i = 0; i < keys.length; i += 100) {
        await commit(coordinator, ...keys.slice(i, i + 100).map(key => ({ verb: 'delete', key }) as const));
      }
    });

    test('a reader gets what is there, then each change and deletion with its index', async () => {
      const { coordinator } = context();
      const rows = new Rows();
      rows.set('default/a', 1);
      rows.set('default/b', 1);
      await put(rows, 'default/a', 'default/b');
      const { feed, told, resets } = reader();
      await feed.start();
      assert.deepEqual(told.all.map(({ job }) => job).toSorted(), ['default/a', 'default/b']);
      assert.deepEqual(resets.all, [2]);
      rows.set('default/a', 2);
      await put(rows, 'default/a');
      const changed = await told.first('the change', ({ revision }) => revision === 2);
      assert.equal(changed.index, await indexOf(coordinator, jobPath('default/a')));
      rows.jobs.delete('default/b');
      await put(rows, 'default/b');
      await told.first('the deletion', ({ job, revision }) => job === 'default/b' && revision === undefined);
      assert.equal(await coordinator.get(jobPath('default/b')), undefined);
      assert.deepEqual(resets.all, [2], 'without another full read');
      await feed.stop();
    });

    test('unchanged content is not written', async () => {
      const { coordinator } = context();
      const rows = new Rows();
      rows.set('default/a', 1);
      assert.deepEqual((await put(rows, 'default/a')).changed, ['default/a']);
      const head = await indexOf(coordinator, feedHeadKey);
      assert.deepEqual((await put(rows, 'default/a', 'default/never')).changed, []);
      assert.equal(await indexOf(coordinator, feedHeadKey), head);
    });

    test('100 jobs with large specs are published in parts', async () => {
      const { coordinator } = context();
      const rows = new Rows();
      const jobs = Array.from({ length: 100 }, (_, i): JobKey => `default/large-${i}`);
      for (const job of jobs) rows.set(job, 1, 'x'.repeat(30_000));
      assert.equal((await put(rows, ...jobs)).changed.length, 100);
      assert.equal((await coordinator.keys('cron/jobs/')).length, 100);
    });

    test('publications that came while it did not look are taken from the rings', async () => {
      const rows = new Rows();
      const jobs = sameShard(10);
      const { feed, told, resets, close, open } = reader();
      await feed.start();
      close();
      for (const job of [...jobs, 'default/elsewhere' as const]) {
        rows.set(job, 3);
        await put(rows, job);
      }
      open();
      for (const job of [...jobs, 'default/elsewhere'])
        await told.first(job, one => one.job === job && one.revision === 3);
      assert.deepEqual(resets.all, [0], 'without another full read');
      await feed.stop();
    });

    test('what a ring no longer holds is read in full', async () => {
      const rows = new Rows();
      const jobs = sameShard(feedRing + 6);
      const { feed, told, resets, close, open } = reader();
      await feed.start();
      close();
      for (const job of jobs) rows.set(job, 1);
      await put(rows, ...jobs);
      open();
      await resets.first('the full read', count => count === jobs.length);
      assert.equal(new Set(told.all.map(({ job }) => job)).size, jobs.length);
      await feed.stop();
    });

    test('a shard or a head that disappears is a reason to read everything', async () => {
      const { coordinator } = context();
      const rows = new Rows();
      rows.set('default/a', 1);
      await put(rows, 'default/a');
      const { feed, resets, close, open } = reader();
      await feed.start();
      await commit(coordinator, { verb: 'delete', key: feedHeadKey });
      await resets.first('without head', () => true, 1);
      close();
      await commit(coordinator, { verb: 'delete', key: feedPath(feedShardOf('default/a')) });
      for (const job of ['default/b', 'default/c'] as const) {
        rows.set(job, 1);
        await put(rows, job);
      }
      open();
      await resets.first('without shard', count => count === 3, 2);
      await feed.stop();
    });

    test('resync reports every job again, and those that are gone', async () => {
      const { coordinator } = context();
      const rows = new Rows();
      rows.set('default/a', 1);
      rows.set('default/b', 1);
      await put(rows, 'default/a', 'default/b');
      const { feed, told, resets } = reader();
      await feed.start();
      const from = told.all.length;
      await commit(coordinator, { verb: 'delete', key: jobPath('default/b') });
      await feed.resync();
      assert.deepEqual(
        told.all.slice(from).map(({ job, revision }) => [job, revision]),
        [
          ['default/b', undefined],
          ['default/a', 1],
        ],
      );
      assert.deepEqual(resets.all, [2, 1]);
      await commit(coordinator, { verb: 'delete', key: jobPath('default/a') });
      await feed.refresh(['default/a']);
      assert.equal(told.all.at(-1)?.revision, undefined);
      await feed.stop();
      await feed.resync();
    });

    test('a restored snapshot is read in full', async () => {
      const { snapshot } = context();
      const rows = new Rows();
      rows.set('default/a', 1);
      await put(rows, 'default/a');
      const restore = await snapshot();
      rows.set('default/a', 2);
      rows.set('default/b', 1);
      await put(rows, 'default/a', 'default/b');
      const { feed, told } = reader();
      await feed.start();
      const from = told.all.length;
      await restore();
      await told.first('the past', ({ job, revision }) => job === 'default/a' && revision === 1, from);
      await told.first('what is gone', ({ job, revision }) => job === 'default/b' && revision === undefined, from);
      await put(rows, 'default/a', 'default/b');
      await told.first('published again', ({ job, revision }) => job === 'default/a' && revision === 2, from);
      await feed.stop();
    });

    test('a value that is no job is left out, and harms no other', async () => {
      const { coordinator } = context();
      const rows = new Rows();
      rows.set('default/good', 1);
      await commit(
        coordinator,
        { verb: 'set', key: jobPath('default/broken'), value: '{not json' },
        { verb: 'set', key: jobPath('default/foreign'), value: '{"v":1,"schedule":"* * * * *"}' },
        { verb: 'set', key: 'cron/jobs/folder', value: '' },
      );
      await put(rows, 'default/good');
      const { feed, told, resets } = reader();
      await feed.start();
      assert.deepEqual(told.all.filter(({ revision }) => revision !== undefined).length, 1);
      assert.deepEqual(resets.all, [1]);
      rows.set('default/broken', 1);
      await put(rows, 'default/broken');
      await told.first('mended', ({ job, revision }) => job === 'default/broken' && revision === 1);
      await feed.stop();
    });

    test('a publisher that was stopped between reading and writing does not publish the past', async () => {
      const { coordinator } = context();
      const rows = new Rows();
      rows.set('default/a', 1);
      await put(rows, 'default/a');
      rows.set('default/a', 2);
      const old = await rows.load();
      const reached = Promise.withResolvers<void>();
      const resume = Promise.withResolvers<void>();
      let loads = 0;
      const slow = publish(coordinator, ['default/a'], async () => {
        if (loads++ > 0) return rows.load();
        reached.resolve();
        await resume.promise;
        return old;
      });
      await reached.promise;
      rows.set('default/a', 3);
      await put(rows, 'default/a');
      resume.resolve();
      assert.deepEqual((await slow).changed, []);
      assert.equal(loads, 2);
      assert.match((await coordinator.get(jobPath('default/a')))?.value ?? '', /"revision":3/);
    });

    test('several publishers at once lose no change', async () => {
      const rows = new Rows();
      const { feed, told } = reader();
      await feed.start();
      const jobs = Array.from({ length: 12 }, (_, i): JobKey => `default/parallel-${i}`);
      for (const job of jobs) rows.set(job, 1);
      await Promise.all(jobs.map(job => put(rows, job)));
      for (const job of jobs) await told.first(job, one => one.job === job && one.revision === 1);
      await feed.stop();
    });

    test('a guard that does not hold stops a publication', async () => {
      const { coordinator } = context();
      const rows = new Rows();
      rows.set('default/a', 1);
      const guard = [{ verb: 'check-session', key: 'cron/leader/test', session: await session(coordinator) }] as const;
      await assert.rejects(publish(coordinator, ['default/a'], rows.load, { guard }), isRefused(409));
      assert.equal(await coordinator.get(jobPath('default/a')), undefined);
    });
  });
}
