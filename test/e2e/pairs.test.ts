import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import type { Rest, RunView } from '../support/rest.ts';

interface SkipView {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly reason: string;
}

const jobs = '/api/v1/namespaces/default/jobs';
const second = 1_000;
/** More ticks than RunAll may run of them in the test. */
const outage = 25 * second;
const over = ['Succeeded', 'Failed', 'TimedOut', 'Killed', 'Lost', 'Skipped'];

describe('policies that meet, in a cluster of separate processes', { skip: consulSkip() || postgresSkip() }, () => {
  let cluster: Cluster;
  let rest: Rest;

  before(async () => {
    cluster = await Cluster.start({ masters: 1, workers: 3, workerEnv: { CRONMESH_WORKER_DRAIN_SECONDS: '5' } });
    rest = cluster.rest();
  });
  after(async () => {
    if (process.env.CRONMESH_TEST_KEEP !== '1') await cluster?.stop();
  });

  const proofOf = (name: string): string => join(cluster.folder, `proof-${name}`);
  const lines = (name: string): string[] =>
    existsSync(proofOf(name)) ? readFileSync(proofOf(name), 'utf8').trim().split('\n') : [];
  /** Each run writes `+` when it begins and `-` when it ends, with its tick and its attempt. */
  const make = async (name: string, spec: Record<string, unknown>, during: string): Promise<void> => {
    const say = (sign: string) => `echo "${sign} $CRONMESH_TICK $CRONMESH_ATTEMPT" >> ${proofOf(name)}`;
    const executor = { shell: { command: `${say('+')}; ${during}; status=$?; ${say('-')}; exit $status` } };
    await rest.post(jobs, { metadata: { name }, spec: { schedule: '* * * * * *', executor, ...spec } });
  };
  const mostAtOnce = (name: string): number => {
    let [now, most] = [0, 0];
    for (const line of lines(name)) {
      now += line.startsWith('+') ? 1 : -1;
      most = Math.max(most, now);
    }
    return most;
  };
  const startsOf = (name: string): string[] => lines(name).filter(line => line.startsWith('+'));
  const runsOf = (name: string): Promise<RunView[]> => rest.all<RunView>(`${jobs}/${name}/runs`);
  const skipsOf = (name: string): Promise<SkipView[]> => rest.all<SkipView>(`${jobs}/${name}/skips`);
  const countOf = (skips: readonly SkipView[], ...reasons: string[]): number =>
    skips
      .filter(({ reason }) => reasons.length === 0 || reasons.includes(reason))
      .reduce((sum, { count }) => sum + count, 0);
  /** Suspends the job, and waits until its runs are over. */
  const finish = async (name: string): Promise<RunView[]> => {
    await rest.post(`${jobs}/${name}/suspend`);
    return await eventually(
      `the end of ${name}`,
      async () => {
        const runs = await runsOf(name);
        return runs.every(({ state }) => over.includes(state)) && runs;
      },
      60_000,
      500,
    );
  };
  /** What is known of each tick, in order: those with a run, and those in a skip, which are a second apart. */
  const ticksOf = (runs: readonly RunView[], skips: readonly SkipView[]): number[] => {
    const skipped = skips
      .filter(({ reason }) => reason !== 'Suspended')
      .flatMap(({ from, count }) => Array.from({ length: count }, (_, i) => Date.parse(from) + i * second));
    return [...runs.map(({ tick }) => Date.parse(tick ?? '')), ...skipped].sort((a, b) => a - b);
  };
  /** Every tick from the first to the last of which anything is known has a run or is in one skip. */
  const assertAccounted = (runs: readonly RunView[], skips: readonly SkipView[]): void => {
    const ticks = ticksOf(runs, skips);
    const [first = 0] = ticks;
    assert.deepEqual(
      ticks,
      ticks.map((_, i) => first + i * second),
    );
  };

  it('Allow × maxConcurrentRuns: two at once on three workers, and the ticks beyond say so', async () => {
    await make('two', { maxConcurrentRuns: 2 }, 'sleep 2.5');
    await eventually('six runs', () => startsOf('two').length >= 6, 60_000, 500);
    const runs = await finish('two');
    assert.equal(mostAtOnce('two'), 2);
    const skips = await eventually(
      'their skips',
      async () => {
        const found = await skipsOf('two');
        return countOf(found, 'ConcurrencyLimit') > 0 && found;
      },
      60_000,
      500,
    );
    assert.deepEqual(
      new Set(skips.map(({ reason }) => reason)).difference(new Set(['Suspended'])),
      new Set(['ConcurrencyLimit']),
    );
    assertAccounted(runs, skips);
  });

  it('Forbid × Retry: attempts and ticks take turns in the one slot, and never overlap', async () => {
    const backoff = { initialSeconds: 2, factor: 1, jitter: 0 };
    const retry = { limit: 1, backoff };
    await make('turns', { concurrencyPolicy: 'Forbid', retry }, 'sleep 0.6; [ $CRONMESH_ATTEMPT = 2 ]');
    await eventually(
      'four further attempts',
      () => lines('turns').filter(line => / 2$/.test(line)).length >= 8,
      90_000,
      500,
    );
    const runs = await finish('turns');
    assert.equal(mostAtOnce('turns'), 1);
    const between = startsOf('turns').findIndex(
      (line, i, all) => i > 0 && / 1$/.test(line) && / 1$/.test(all[i - 1] ?? ''),
    );
    assert.ok(between > 0, 'no tick ran while another run waited for its second attempt');
    for (const { state, attempt } of runs) if (state === 'Succeeded') assert.equal(attempt, 2);
    const starts = startsOf('turns');
    assert.equal(new Set(starts).size, starts.length, 'an attempt was started twice');
  });

  it('misfires of an outage of all workers: Skip runs none of them, RunLatest one, RunAll its limit', async () => {
    await make('none', { misfirePolicy: 'Skip' }, 'true');
    await make('latest', { misfirePolicy: 'RunLatest' }, 'true');
    await make('some', { misfirePolicy: 'RunAll', misfireLimit: 4 }, 'true');
    const names = ['none', 'latest', 'some'];
    await eventually('all three run', () => names.every(name => startsOf(name).length >= 2), 60_000, 500);
    await Promise.all(cluster.workers.map(worker => worker.program.kill()));
    const down = Date.now();
    await delay(outage);
    const up = Date.now();
    for (const index of cluster.workers.keys()) cluster.restart('worker', index);
    await cluster.ready(3);
    await eventually(
      'all three run again',
      () => names.every(name => startsOf(name).some(line => Date.parse(line.split(' ')[1] ?? '') > up + 2 * second)),
      60_000,
      500,
    );
    const caughtUp = { none: 0, latest: 1, some: 4 };
    const reasons: Readonly<Record<'none' | 'latest' | 'some', readonly string[]>> = {
      none: [],
      latest: ['Superseded'],
      some: ['MisfireLimit'],
    };
    for (const name of ['none', 'latest', 'some'] as const) {
      const catchups = await eventually(
        `the catch-ups of ${name} are over`,
        async () => {
          const found = (await runsOf(name)).filter(({ trigger }) => trigger === 'catchup');
          return found.length >= caughtUp[name] && found.every(({ state }) => over.includes(state)) && found;
        },
        90_000,
        2_000,
      );
      // Ticks of the last seconds are found when workers are back: they are of the same outage, and the number is for it all.
      const run = catchups.filter(({ state }) => state === 'Succeeded');
      assert.equal(run.length, caughtUp[name], name);
      const others = catchups.filter(({ state }) => state !== 'Succeeded').map(({ reason = '' }) => reason);
      assert.deepEqual(
        [...new Set(others)].filter(reason => !reasons[name].includes(reason)),
        [],
      );
      assert.equal(new Set(startsOf(name)).size, startsOf(name).length, `${name}: a tick was started twice`);
      // Each tick of the outage is a run, one that was dropped for a later one, or in a skip.
      const runs = await finish(name);
      const skips = await eventually(
        `the ticks of ${name} are accounted for`,
        async () => {
          const found = await skipsOf(name);
          const ticks = ticksOf(runs, found);
          const within = ticks.filter(tick => tick > down && tick <= up);
          // The last ones before the suspension are looked after 8 s after them.
          const gap = ticks.some((tick, i) => i > 0 && tick - (ticks[i - 1] ?? 0) > second);
          return within.length >= outage / second - 1 && !gap && found;
        },
        60_000,
        500,
      );
      assertAccounted(runs, skips);
    }
  });

  it('calendar × DST: a window of two hours has one tick when clocks go forward, three when they go back, two else', async () => {
    const timeZone = 'Europe/Berlin';
    const calendar = (name: string, spec: Record<string, unknown>) =>
      rest.post('/api/v1/namespaces/default/calendars', { metadata: { name }, spec: { timeZone, ...spec } });
    await calendar('sunday-nights', { weekly: [{ days: ['Sun'], from: '02:00', to: '04:00' }] });
    await calendar('autumn', { dates: ['2026-10-25'] });
    const half = { schedule: '30 * * * *', timeZone };
    await make('window', { ...half, calendars: { require: ['sunday-nights'] } }, 'true');
    await make('shut', { ...half, calendars: { require: ['sunday-nights'], exclude: ['autumn'] } }, 'true');
    const spring = ['2026-03-29T01:30:00Z'];
    const autumn = ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', '2026-10-25T02:30:00Z'];
    const usual = ['2026-11-01T01:30:00Z', '2026-11-01T02:30:00Z'];
    const expected = { window: [...spring, ...autumn, ...usual], shut: [...spring, ...usual] };
    for (const [name, ticks] of Object.entries(expected)) {
      for (const day of ['2026-03-29', '2026-10-25', '2026-11-01']) {
        const range = { from: `${day}T00:00:00+01:00`, to: `${day}T23:00:00+01:00`, parallelism: 2 };
        const wanted = ticks.filter(tick => tick.startsWith(day)).length;
        // A range without a tick is refused, with that reason.
        if (wanted === 0) await assert.rejects(rest.post(`${jobs}/${name}/backfills`, range), / 400 /);
        else assert.equal((await rest.post(`${jobs}/${name}/backfills`, range)).total, wanted, `${name} on ${day}`);
      }
      await eventually(`the runs of ${name}`, () => lines(name).length >= 2 * ticks.length, 60_000, 500);
      assert.deepEqual(
        startsOf(name).sort(),
        ticks.map(tick => `+ ${tick} 1`),
      );
    }
  });
});
