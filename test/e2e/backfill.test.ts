import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cronmesh } from '../support/cli.ts';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import type { Rest, RunView } from '../support/rest.ts';

const jobs = '/api/v1/namespaces/default/jobs';
const day = Date.parse('2026-03-01T00:00:00Z');

interface Backfill {
  id: string;
  state: string;
  message?: string;
  total: number;
  done: number;
  running: number;
  succeeded: number;
  failed: number;
  skipped: number;
  leftOut: number;
  nextTick?: string;
  finishedAt?: string;
}

describe('backfills in a cluster of separate processes', { skip: consulSkip() || postgresSkip() }, () => {
  let cluster: Cluster;
  let rest: Rest;

  before(async () => {
    cluster = await Cluster.start({ masters: 2, workers: 3, workerEnv: { CRONMESH_WORKER_DRAIN_SECONDS: '5' } });
    rest = cluster.rest();
  });
  after(async () => {
    if (process.env.CRONMESH_TEST_KEEP !== '1') await cluster?.stop();
  });

  const proofOf = (name: string): string => join(cluster.folder, `proof-${name}`);
  const lines = (name: string): string[] =>
    existsSync(proofOf(name)) ? readFileSync(proofOf(name), 'utf8').trim().split('\n').filter(Boolean) : [];
  const iso = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z');
  /** Writes `+ tick` when it begins and `- tick` when it ends. */
  const make = async (name: string, spec: Record<string, unknown> = {}, during = 'sleep 0.1') => {
    const command = `echo "+ $CRONMESH_TICK" >> ${proofOf(name)}; ${during}; echo "- $CRONMESH_TICK" >> ${proofOf(name)}`;
    await rest.post(jobs, {
      metadata: { name },
      spec: { schedule: '* * * * *', executor: { shell: { command } }, ...spec },
    });
  };
  const ask = (name: string, from: number, minutes: number, more: object = {}) =>
    rest.post<Backfill>(`${jobs}/${name}/backfills`, { from: iso(from), to: iso(from + minutes * 60_000), ...more });
  const get = (id: string, at = rest) => at.get<Backfill>(`/api/v1/backfills/${id}`);
  const done = (id: string, at = rest) =>
    eventually(
      'its end',
      async () => {
        const backfill = await get(id, at);
        return backfill.finishedAt !== undefined && backfill;
      },
      240_000,
      1_000,
    );
  const mostAtOnce = (name: string): number => {
    let [now, most] = [0, 0];
    for (const line of lines(name)) {
      now += line.startsWith('+') ? 1 : -1;
      most = Math.max(most, now);
    }
    return most;
  };
  const begun = (name: string): string[] => lines(name).flatMap(line => (line[0] === '+' ? [line.slice(2)] : []));
  const ticks = (from: number, minutes: number): string[] =>
    Array.from({ length: minutes }, (_, i) => iso(from + i * 60_000));

  it('200 ticks from before the job was made run once each, three at a time', async () => {
    await make('wide', { schedule: '*/1 * * * *', suspend: true });
    const { id, total, state } = await ask('wide', day, 200, { parallelism: 3 });
    assert.deepEqual([total, state], [200, 'Running']);
    const ended = await done(id);
    assert.deepEqual([ended.state, ended.succeeded, ended.done, ended.running], ['Done', 200, 200, 0]);
    assert.deepEqual(begun('wide').sort(), ticks(day, 200));
    assert.equal(mostAtOnce('wide'), 3, 'never more than three, and three when it can');
    const runs = await rest.all<RunView>(`${jobs}/wide/runs`);
    assert.equal(runs.length, 200);
    assert.ok(runs.every(run => run.trigger === 'backfill' && run.attempt === 1));
    // Asked again, every tick has its run.
    const second = await done((await ask('wide', day, 200)).id);
    assert.deepEqual([second.leftOut, second.succeeded, begun('wide').length], [200, 0, 200]);
    const why = await rest.get<{ message: string }>(`${jobs}/wide/why?at=${iso(day)}`);
    assert.match(why.message, /there was no job .*; a backfill has a run for 2026-03-01T00:00:00Z, .*: Succeeded/);
  });

  it('goes in order, and on under a new leader, with no tick begun twice', async () => {
    await make('ordered', { suspend: true });
    const { id } = await ask('ordered', day, 40, { order: 'NewestFirst' });
    await eventually('some are done', () => begun('ordered').length >= 8, 60_000, 200);
    const at = await cluster.leader();
    await cluster.masters[at]?.program.kill();
    const other = cluster.rest(1 - at);
    const ended = await done(id, other);
    assert.deepEqual([ended.state, ended.succeeded], ['Done', 40]);
    assert.deepEqual(begun('ordered'), ticks(day, 40).toReversed());
    assert.equal(mostAtOnce('ordered'), 1);
    cluster.restart('master', at);
    await cluster.ready(3);
  });

  it('holds the slot of a Forbid job: live ticks meanwhile are skipped as StillRunning', async () => {
    await make('exclusive', { schedule: '* * * * * *', concurrencyPolicy: 'Forbid' }, 'sleep 4');
    await eventually('a live run', () => begun('exclusive').length > 0, 30_000, 200);
    const { id } = await ask('exclusive', day, 1, { to: iso(day + 2_000) });
    const ended = await done(id);
    assert.deepEqual([ended.total, ended.succeeded], [2, 2]);
    assert.equal(mostAtOnce('exclusive'), 1);
    const [run] = await rest.all<RunView & { startedAt: string; finishedAt: string }>(
      `${jobs}/exclusive/runs?until=${iso(day + 1_000)}`,
    );
    const skip = await eventually(
      'the skips meanwhile',
      async () => {
        const { items } = await rest.get<{ items: { from: string; to: string; reason: string; detail: string }[] }>(
          `${jobs}/exclusive/skips`,
        );
        return items.find(({ detail }) => run !== undefined && detail.includes(run.id));
      },
      30_000,
      500,
    );
    assert.equal(skip.reason, 'StillRunning');
    const from = Date.parse(skip.from);
    assert.ok(run && from >= Date.parse(run.startedAt) - 1_000 && from <= Date.parse(run.finishedAt));
    await rest.request('DELETE', `${jobs}/exclusive`);
  });

  it('cancelled, lets what runs go on, skips what waits and makes no more', async () => {
    await make('stopped', { suspend: true, maxConcurrentRuns: 1 }, 'sleep 3');
    const { id } = await ask('stopped', day, 50, { parallelism: 4 });
    await eventually('the first runs', () => begun('stopped').length > 0, 30_000, 200);
    await eventually('four are there', async () => (await get(id)).running === 4, 30_000, 200);
    const server = rest.base;
    const cancelled = await cronmesh(['cancel', 'backfill', id], { server });
    assert.deepEqual([cancelled.status, cancelled.stdout], [0, `backfill ${id} is cancelled\n`], cancelled.stderr);
    const ended = await done(id);
    assert.equal(ended.state, 'Cancelled');
    assert.ok(ended.skipped >= 2 && ended.succeeded >= 1, JSON.stringify(ended));
    assert.equal(ended.succeeded + ended.skipped, 4);
    const runs = await rest.all<RunView>(`${jobs}/stopped/runs`);
    assert.deepEqual(
      runs.filter(({ state }) => state === 'Skipped').map(({ reason }) => reason),
      Array(ended.skipped).fill('Cancelled'),
    );
    const before = begun('stopped').length;
    await new Promise(resolve => setTimeout(resolve, 5_000));
    assert.deepEqual([begun('stopped').length, runs.length], [before, 4]);
    assert.equal((await rest.request('DELETE', `/api/v1/backfills/${id}`)).status, 409);
  });

  it('the command line asks, waits, and shows it', async () => {
    await make('by-hand', { suspend: true }, '[ "$CRONMESH_TICK" != 2026-03-01T00:01:00Z ] || exit 3');
    const server = rest.base;
    const range = ['--from', iso(day), '--to', iso(day + 180_000), '--parallelism', '3'];
    const waited = await cronmesh(['backfill', 'by-hand', ...range, '--wait'], { server });
    assert.equal(waited.status, 1, waited.stdout);
    const [, id = ''] = /backfill (\S+) Done: 2 succeeded, 1 failed, 0 skipped, 0 left out/.exec(waited.stderr) ?? [];
    const listed = await cronmesh(['get', 'backfills', '--job', 'by-hand'], { server });
    assert.match(listed.stdout, new RegExp(`${id} +default/by-hand .* Done +3/3 `), listed.stderr);
    const described = await cronmesh(['describe', 'backfill', id], { server });
    assert.match(described.stdout, /^Runs: +0 running, 2 succeeded, 1 failed, 0 skipped$/m, described.stderr);
  });
});
