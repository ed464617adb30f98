import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Job, JobUid } from '../../domain/job/job.ts';
import { jobSpec } from '../../domain/job/spec.ts';
import type { RunId, RunState } from '../../domain/run/run.ts';
import { silentLogger } from '../../observability/logger.ts';
import type { ChangedRun } from '../../store/store.ts';
import { Holdings } from '../holdings.ts';
import { RunFollower } from './run-follower.ts';

const second = 1_000;

describe('the follower of runs', () => {
  let now: number;
  let rows: ChangedRun[];
  let fails: boolean;
  let asked: JobUid[][];
  let changes: string[];
  let trouble: string[];
  let holdings: Holdings;
  let follower: RunFollower;

  const run = (id: string, changedAt: number, state: RunState = 'Succeeded', job = 'a'): ChangedRun => ({
    id: id as RunId,
    jobUid: `uid-${job}` as JobUid,
    namespace: 'ns',
    name: job,
    trigger: 'manual',
    state,
    attempt: 1,
    requestedAt: 0,
    changedAt,
  });

  beforeEach(() => {
    now = 1_000 * second;
    [rows, fails, asked, changes, trouble] = [[], false, [], [], []];
    holdings = new Holdings();
    for (const name of ['a', 'b']) {
      const spec = jobSpec.parse({ schedule: '@daily', executor: { shell: { command: 'true' } } });
      const common = {
        namespace: 'ns',
        name,
        labels: {},
        annotations: {},
        spec,
        revision: 1,
        floor: 0,
        anchor: 0,
        countsFrom: 0,
      };
      holdings.put({ ...common, uid: `uid-${name}` as Job['uid'], source: 'kubernetes', createdAt: 0, updatedAt: 0 });
    }
    follower = new RunFollower({
      runs: {
        changedAfter: async (after, limit) => {
          if (fails) throw new Error('away');
          const order = (one: ChangedRun, other: ChangedRun) =>
            one.changedAt - other.changedAt || (one.id < other.id ? -1 : 1);
          const behind = (one: ChangedRun) =>
            one.changedAt > after.changedAt || (one.changedAt === after.changedAt && one.id > after.id);
          return rows.filter(behind).sort(order).slice(0, limit);
        },
        lastChange: async () => (rows.length === 0 ? undefined : Math.max(...rows.map(one => one.changedAt))),
        summaries: async uids => {
          asked.push([...uids]);
          return new Map(uids.map(uid => [uid, { active: rows.length, recent: [] }]));
        },
      },
      holdings,
      logger: silentLogger,
      clock: () => now,
      onChange: key => changes.push(key),
      onTrouble: one => trouble.push(one.id),
    });
  });

  it('tells nothing of what was before it, then each change once', async () => {
    rows = [run('old', now - 60 * second, 'Failed')];
    await follower.look();
    await follower.look();
    assert.deepEqual([changes, trouble, asked], [['ns/a'], [], [['uid-a']]], 'its summary may be of before');
    [changes, asked] = [[], []];
    rows.push(run('new', now, 'Failed'), run('other', now, 'Succeeded', 'b'));
    for (let i = 0; i < 3; i++) await follower.look();
    assert.deepEqual([changes, trouble], [['ns/a', 'ns/b'], ['new']]);
    assert.deepEqual(asked, [['uid-a', 'uid-b']]);
    assert.equal(holdings.get('ns/a')?.runs?.active, 3);
  });

  it('sees the same run again when it changes, and one that was committed late', async () => {
    await follower.look();
    rows = [run('r', now, 'Running')];
    await follower.look();
    now += 2 * second;
    rows = [run('r', now, 'Lost'), run('late', now - 4 * second, 'TimedOut', 'b')];
    await follower.look();
    await follower.look();
    assert.deepEqual(
      [changes, trouble.sort()],
      [
        ['ns/a', 'ns/b', 'ns/a'],
        ['late', 'r'],
      ],
    );
  });

  it('is not misled by a master whose clock is ahead', async () => {
    await follower.look();
    rows = [run('ahead', now + 3_600 * second)];
    await follower.look();
    now += 2 * second;
    rows.push(run('right', now, 'Failed', 'b'));
    await follower.look();
    await follower.look();
    assert.deepEqual([changes, trouble], [['ns/a', 'ns/b'], ['right']]);
  });

  it('ignores runs of a former job of the name, and of jobs that no resource has', async () => {
    await follower.look();
    rows = [{ ...run('former', now, 'Failed'), jobUid: 'uid-0' as JobUid }, run('unknown', now, 'Failed', 'c')];
    await follower.look();
    assert.deepEqual([changes, trouble], [[], []]);
  });

  it('loses nothing while the database is away', async () => {
    await follower.look();
    fails = true;
    rows = [run('r', now, 'Failed')];
    await assert.rejects(follower.look());
    fails = false;
    now += 600 * second;
    await follower.look();
    assert.deepEqual([changes, trouble], [['ns/a'], ['r']]);
  });

  it('reads on, page for page', async () => {
    await follower.look();
    rows = Array.from({ length: 4_500 }, (_, i) => run(`r${String(i).padStart(5, '0')}`, now + (i % 7), 'Failed'));
    await follower.look();
    assert.deepEqual([changes, trouble.length], [['ns/a'], 4_500]);
  });
});
