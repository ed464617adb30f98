import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { scheduleOf } from '../../src/domain/schedule/index.ts';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import type { Rest } from '../support/rest.ts';

interface JobView {
  readonly metadata: { readonly uid: string; readonly revision: number; readonly creationTimestamp: string };
  readonly status: { readonly floor: string };
}

interface Start {
  readonly job: string;
  readonly tick: number;
  readonly worker: string;
}

const jobs = '/api/v1/namespaces/default/jobs';
const calendar = '/api/v1/namespaces/default/calendars/closed';
const minute = 60_000;
/** A change is in force on every worker by then. */
const inForce = 2_000;

describe('calendars and jitter in a cluster of separate processes', { skip: consulSkip() || postgresSkip() }, () => {
  let cluster: Cluster;
  let rest: Rest;

  before(async () => {
    cluster = await Cluster.start({ masters: 2, workers: 3, workerEnv: { CRONMESH_WORKER_DRAIN_SECONDS: '5' } });
    rest = cluster.rest();
  });
  after(async () => {
    if (process.env.CRONMESH_TEST_KEEP !== '1') await cluster?.stop();
  });

  const startsOf = (...names: string[]): Start[] =>
    names
      .map(name => join(cluster.folder, `proof-${name}`))
      .filter(path => existsSync(path))
      .flatMap(path => readFileSync(path, 'utf8').trim().split('\n'))
      .map(line => line.split(' '))
      .map(([job = '', tick = '', worker = '']) => ({ job, tick: Date.parse(tick), worker }));
  const make = async (name: string, spec: Record<string, unknown>): Promise<JobView> => {
    const proof = join(cluster.folder, `proof-${name}`);
    const command = `echo "$CRONMESH_JOB $CRONMESH_TICK $CRONMESH_WORKER" >> ${proof}`;
    return await rest.post<JobView>(jobs, { metadata: { name }, spec: { executor: { shell: { command } }, ...spec } });
  };
  const skipsOf = async (name: string): Promise<unknown[]> => await rest.all(`${jobs}/${name}/skips`);
  const hold = async (spec: Record<string, unknown>): Promise<void> => {
    const answer = await rest.request('PUT', calendar, { metadata: { name: 'closed' }, spec }, { 'if-match': '*' });
    assert.equal(answer.status, 200, await answer.text());
  };

  it('follows an edited calendar on all workers within 2 s, fires nothing of the past, and misses nothing', async () => {
    const never = { dates: ['2400-01-01'] };
    await rest.post('/api/v1/namespaces/default/calendars', { metadata: { name: 'closed' }, spec: never });
    const names = Array.from({ length: 6 }, (_, i) => `second-${i}`);
    for (const name of names) await make(name, { schedule: '* * * * * *', calendars: { exclude: ['closed'] } });
    await eventually(
      'every worker starts some',
      () => new Set(startsOf(...names).map(({ worker }) => worker)).size === 3,
      60_000,
      500,
    );

    const before = Date.now();
    await hold({
      ranges: [{ from: new Date(before - 5 * minute).toISOString(), to: new Date(before + 60 * minute).toISOString() }],
    });
    const closed = Date.now();
    await delay(inForce + 8_000);
    await hold(never);
    const opened = Date.now();
    const shut = startsOf(...names).filter(({ tick }) => tick > closed + inForce && tick <= opened);
    assert.deepEqual(shut, []);
    await eventually(
      'every job starts again',
      () => {
        const again = startsOf(...names).filter(({ tick }) => tick > opened);
        return new Set(again.map(({ job }) => job)).size === names.length;
      },
      30_000,
      200,
    );
    // Long enough for the leader to judge everything since then.
    await delay(12_000);

    for (const name of names) {
      const ticks = startsOf(name)
        .map(({ tick }) => tick)
        .toSorted((a, b) => a - b);
      assert.equal(new Set(ticks).size, ticks.length, 'no tick starts twice');
      assert.deepEqual(
        ticks.filter(tick => tick > closed + inForce && tick <= opened),
        [],
      );
      const first = ticks.find(tick => tick > opened) ?? Number.POSITIVE_INFINITY;
      assert.ok(first <= opened + inForce, `${name} starts again ${first - opened} ms after the change`);
      // Neither what the calendar took out, nor what was undecided at the changes, is a skip.
      assert.deepEqual(await skipsOf(name), []);
      const job = await rest.get<JobView>(`${jobs}/${name}`);
      assert.equal(job.metadata.revision, 3);
      const between = new Date(Math.ceil((closed + 4_000) / 1_000) * 1_000).toISOString();
      const why = await rest.get<{ outcome: string; message: string }>(`${jobs}/${name}/why?at=${between}`);
      assert.equal(why.outcome, 'LeftOut');
      assert.match(why.message, /falls out: calendar closed excludes it/);
    }
  });

  it('starts each jittered tick once, at the instant that is its own', async () => {
    const spec = { schedule: '*/5 * * * * *', jitterSeconds: 4 };
    const { metadata, status } = await make('jittered', spec);
    await eventually('six starts', () => startsOf('jittered').length >= 6, 90_000, 500);
    const ticks = startsOf('jittered')
      .map(({ tick }) => tick)
      .toSorted((a, b) => a - b);
    const anchor = Date.parse(metadata.creationTimestamp);
    const schedule = scheduleOf({ uid: metadata.uid, namespace: 'default', name: 'jittered', anchor, spec });
    let tick = schedule.next(Date.parse(status.floor));
    for (const found of ticks) {
      assert.equal(found, tick);
      tick = schedule.next(found);
    }
    assert.ok(new Set(ticks.map(one => one % 5_000)).size >= 3, 'they are moved by different amounts');
    assert.ok(ticks.every(one => one % 5_000 < 4_000));
    assert.deepEqual(await skipsOf('jittered'), []);
  });

  it('has no tick before startAt or after endAt, and nothing to account for there', async () => {
    const now = Math.ceil(Date.now() / 1_000) * 1_000;
    const [from, to] = [now + 4_000, now + 8_000];
    await make('bounded', {
      schedule: '* * * * * *',
      startAt: new Date(from).toISOString(),
      endAt: new Date(to).toISOString(),
    });
    await delay(to + 12_000 - Date.now());
    const ticks = startsOf('bounded')
      .map(({ tick }) => tick)
      .toSorted((a, b) => a - b);
    assert.deepEqual(
      ticks,
      [0, 1, 2, 3, 4].map(seconds => from + seconds * 1_000),
    );
    assert.deepEqual(await skipsOf('bounded'), []);
  });
});
