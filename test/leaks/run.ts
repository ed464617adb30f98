import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from '../support/cluster.ts';
import { eventually } from '../support/process.ts';
import { Churn } from './churn.ts';
import {
  type Measure,
  measures,
  probedEnvironment,
  Series,
  sampleOutside,
  sampleProbed,
  supervisorOf,
} from './processes.ts';
import { catalogCounts, filesBelow, keyCounts, keysOf, tableSizes } from './remains.ts';
import { type Allowance, grows, type Trend, trendOf } from './trend.ts';

export interface LeakTestOptions {
  readonly minutes: number;
  /** From one look to the next, in seconds. */
  readonly everySeconds: number;
  /** The first part of the time, in which caches and heaps find their size: not judged. 0 to 1. */
  readonly warmUp: number;
  readonly allowances: Readonly<Record<Measure, Allowance>>;
  readonly say: (line: string) => void;
  /** Takes everything measured, as JSON. */
  readonly record?: string | undefined;
}

export interface Verdict {
  readonly process: string;
  readonly measure: Measure;
  readonly trend: Trend;
  readonly grows: boolean;
}

export interface LeakReport {
  readonly verdicts: readonly Verdict[];
  /** Keys that have no owner once every job is deleted and everything has settled. */
  readonly leftKeys: readonly string[];
  readonly tables: Readonly<Record<string, { rows: number; bytes: number }>>;
  readonly actions: number;
  readonly failures: number;
}

const mib = 1024 * 1024;
/** Over an hour. What V8 and the allocator keep for themselves is not given back: RSS has the most room. */
export const hourly: Readonly<Record<Measure, Allowance>> = {
  rss: { share: 0.15, least: 24 * mib },
  heap: { share: 0.08, least: 3 * mib },
  external: { share: 0.2, least: 4 * mib },
  fds: { share: 0.1, least: 4 },
  threads: { share: 0, least: 2 },
  timers: { share: 0.2, least: 8 },
  resources: { share: 0.2, least: 8 },
};
/** Over a minute or two, with everything still finding its size: only what runs away. */
export const coarse: Readonly<Record<Measure, Allowance>> = {
  rss: { share: 0.6, least: 80 * mib },
  heap: { share: 0.5, least: 24 * mib },
  external: { share: 1, least: 24 * mib },
  fds: { share: 0.5, least: 20 },
  threads: { share: 0.3, least: 6 },
  timers: { share: 1, least: 40 },
  resources: { share: 1, least: 40 },
};

/** Locks, triggers, kills, losses, callbacks, wholes: of a run that is over nothing may stand. */
const ofRuns = [
  'cron/lock/',
  'cron/trigger/',
  'cron/killer/',
  'cron/lost/',
  'cron/callback/',
  'cron/whole/',
  'cron/jobs/',
];

/** Runs a cluster under churn, measures what stays, and judges. */
export async function leakTest(options: LeakTestOptions): Promise<LeakReport> {
  const { minutes, everySeconds, say } = options;
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-probe-'));
  const env = { ...probedEnvironment(folder), CRONMESH_LOG_LEVEL: 'warn' };
  const retention = { CRONMESH_HISTORY_RETENTION_DAYS: '0.01' };
  const cluster = await Cluster.start({
    masters: 2,
    workers: 3,
    masterEnv: { ...env, ...retention },
    workerEnv: { ...env, CRONMESH_WORKER_ALLOW_PRIVATE_ADDRESSES: 'true' },
    proxied: true,
  });
  const short = minutes < 10;
  const churn = new Churn({
    cluster,
    restarted: { master: 1, worker: 2 },
    every: short ? 250 : 500,
    faultEvery: short ? 7_000 : 12_000,
  });
  try {
    await churn.start();
    const series = await watch(cluster, folder, options, churn);
    await churn.stop();
    say(`actions: ${show(churn.done)}`);
    say(`failed meanwhile: ${show(churn.failed)}; the last: ${churn.lastError}`);
    await churn.deleteJobs();
    const leftKeys = await settled(cluster, say);
    const tables = await tableSizes(cluster.postgres.url);
    say(
      `tables at the end: ${Object.entries(tables)
        .map(([name, { rows, bytes }]) => `${name} ${rows} rows ${(bytes / mib).toFixed(1)} MiB`)
        .join(', ')}`,
    );
    return {
      verdicts: judge(series, options, minutes, everySeconds),
      leftKeys,
      tables,
      actions: sum(churn.done),
      failures: sum(churn.failed),
    };
  } finally {
    await churn.stop().catch(() => {});
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function watch(cluster: Cluster, folder: string, options: LeakTestOptions, churn: Churn): Promise<Series[]> {
  const { minutes, everySeconds, say, record } = options;
  const pidOf = (kind: 'masters' | 'workers', index: number): number => cluster[kind][index]?.program.pid ?? 0;
  const pids = {
    'master-0': pidOf('masters', 0),
    'worker-0': pidOf('workers', 0),
    'worker-1': pidOf('workers', 1),
  };
  const supervisors = {
    'supervisor-0': supervisorOf(pids['worker-0']),
    'supervisor-1': supervisorOf(pids['worker-1']),
  };
  const series = new Map([...Object.keys(pids), ...Object.keys(supervisors)].map(name => [name, new Series(name)]));
  const others: unknown[] = [];
  const began = Date.now();
  for (let look = 1; Date.now() < began + minutes * 60_000; look++) {
    await delay(Math.max(0, began + look * everySeconds * 1_000 - Date.now()));
    const at = Date.now();
    for (const [name, pid] of Object.entries(pids)) series.get(name)?.add(at, await sampleProbed(pid, folder));
    for (const [name, pid] of Object.entries(supervisors)) series.get(name)?.add(at, sampleOutside(pid));
    const keys = await keyCounts(cluster.consul.address);
    const tables = await tableSizes(cluster.postgres.url);
    const files = filesBelow(join(cluster.folder, 'worker-worker-0'));
    others.push({ at, keys, tables, files, catalog: await catalogCounts(cluster.consul.address) });
    if (look % Math.max(1, Math.round((minutes * 60) / everySeconds / 20)) === 0)
      say(
        `${Math.round((at - began) / 1_000)} s: ${summary(series.values())}; keys ${show(Object.entries(keys))}; run ${tables.run?.rows} rows, run_log ${tables.run_log?.rows} rows; worker-0 ${files.files} files ${(files.bytes / mib).toFixed(1)} MiB; ${sum(churn.done)} actions`,
      );
    if (record !== undefined) {
      const measured = Object.fromEntries(
        [...series].map(([name, one]) => [
          name,
          Object.fromEntries(measures.map(measure => [measure, one.of(measure, 0)])),
        ]),
      );
      writeFileSync(record, JSON.stringify({ began, series: measured, others }));
    }
  }
  return [...series.values()];
}

function judge(series: readonly Series[], options: LeakTestOptions, minutes: number, everySeconds: number): Verdict[] {
  const { allowances, warmUp } = options;
  return series.flatMap(one =>
    measures.flatMap(measure => {
      const all = one.of(measure, 0);
      const [first] = all;
      if (first === undefined) return [];
      const since = first.at - everySeconds * 1_000 + warmUp * minutes * 60_000;
      const trend = trendOf(one.of(measure, since));
      return [{ process: one.name, measure, trend, grows: grows(trend, allowances[measure]) }];
    }),
  );
}

/** With every job deleted and all runs ended: the keys that are left and should not be. */
async function settled(cluster: Cluster, say: (line: string) => void): Promise<readonly string[]> {
  const left = async () =>
    (await keysOf(cluster.consul.address)).filter(key => ofRuns.some(kind => key.startsWith(kind)));
  await eventually('no key of a run is left', async () => (await left()).length === 0, 90_000, 1_000).catch(() => {});
  const keys = await left();
  say(`keys at the end: ${show(Object.entries(await keyCounts(cluster.consul.address)))}`);
  say(`catalog at the end: ${show(Object.entries(await catalogCounts(cluster.consul.address)))}`);
  return keys;
}

function summary(all: Iterable<Series>): string {
  return [...all]
    .map(one => {
      const last = (measure: Measure): number => one.of(measure, 0).at(-1)?.value ?? 0;
      const heap = last('heap') === 0 ? '' : ` heap ${(last('heap') / mib).toFixed(1)}`;
      return `${one.name} rss ${(last('rss') / mib).toFixed(0)}${heap} fds ${last('fds')} timers ${last('timers')}`;
    })
    .join(', ');
}

const show = (counts: Iterable<readonly [string, number]>): string =>
  [...counts].map(([what, count]) => `${what} ${count}`).join(', ') || 'none';
const sum = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((a, b) => a + b, 0);
