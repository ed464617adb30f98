import { readFileSync } from 'node:fs';
import { Cron } from 'croner';
import type { Rest } from '../support/rest.ts';

/** One line that a job wrote itself when it started: the ground truth, never the product's own history. */
export interface Start {
  readonly job: string;
  readonly tick: number;
  readonly run: string;
  readonly worker: string;
  readonly at: number;
}

export interface Verdict {
  readonly expected: number;
  readonly started: number;
  readonly twice: string[];
  /** Neither a start nor a record that says why not. */
  readonly missed: string[];
  /** No start, but a run that is Lost or a skip with its reason. */
  readonly excused: string[];
  /** A start that no schedule asked for. */
  readonly stray: string[];
  readonly byWorker: Readonly<Record<string, number>>;
  /** Start after the tick, in milliseconds, as the job saw it. */
  readonly lateness: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** Reads lines of `job tick run worker seconds`. */
export function readStarts(file: string): Start[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => {
      const [job = '', tick = '', run = '', worker = '', at = ''] = line.split(' ');
      return { job, tick: Date.parse(tick), run, worker, at: Number(at) * 1000 };
    });
}

export interface Schedule {
  readonly job: string;
  readonly namespace: string;
  readonly pattern: string;
  readonly timeZone: string;
}

/** Compares what croner, an independent engine, expects in (from, to] with what the jobs wrote, and asks REST about the rest. */
export async function judge(
  rest: Rest,
  schedules: readonly Schedule[],
  starts: readonly Start[],
  from: number,
  to: number,
): Promise<Verdict> {
  const seen = new Map<string, Start[]>();
  for (const start of starts) {
    const key = `${start.job} ${start.tick}`;
    seen.set(key, [...(seen.get(key) ?? []), start]);
  }
  const expected = new Set<string>();
  const absent: { schedule: Schedule; tick: number }[] = [];
  for (const schedule of schedules) {
    const cron = new Cron(schedule.pattern, { timezone: schedule.timeZone, paused: true });
    for (let next = cron.nextRun(new Date(from)); next !== null && next.getTime() <= to; next = cron.nextRun(next)) {
      const key = `${schedule.job} ${next.getTime()}`;
      expected.add(key);
      if (!seen.has(key)) absent.push({ schedule, tick: next.getTime() });
    }
  }
  const excused: string[] = [];
  const missed: string[] = [];
  for (const { schedule, tick } of absent) {
    const why = await reasonFor(rest, schedule, tick);
    const label = `${schedule.job} ${new Date(tick).toISOString()}`;
    if (why === undefined) missed.push(label);
    else excused.push(`${label}: ${why}`);
  }
  const inWindow = starts.filter(start => start.tick > from && start.tick <= to);
  const lateness = inWindow.map(start => start.at - start.tick).sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round(lateness[Math.min(lateness.length - 1, Math.floor(lateness.length * share))] ?? 0);
  const byWorker: Record<string, number> = {};
  for (const start of inWindow) byWorker[start.worker] = (byWorker[start.worker] ?? 0) + 1;
  return {
    expected: expected.size,
    started: inWindow.length,
    twice: [...seen]
      .filter(([, list]) => list.length > 1)
      .map(([key, list]) => `${key}: ${list.map(one => one.worker).join(', ')}`),
    missed,
    excused,
    stray: inWindow
      .filter(start => !expected.has(`${start.job} ${start.tick}`))
      .map(start => `${start.job} ${new Date(start.tick).toISOString()}`),
    byWorker,
    lateness: { p50: at(0.5), p99: at(0.99), max: Math.round(lateness.at(-1) ?? 0) },
  };
}

async function reasonFor(rest: Rest, schedule: Schedule, tick: number): Promise<string | undefined> {
  const base = `/api/v1/namespaces/${schedule.namespace}/jobs/${schedule.job}`;
  const skips = await rest.get<{ items: { from: string; to: string; reason: string; detail: string }[] }>(
    `${base}/skips?limit=500`,
  );
  const skip = skips.items.find(one => Date.parse(one.from) <= tick && tick <= Date.parse(one.to));
  if (skip !== undefined) return `${skip.reason}: ${skip.detail}`;
  const runs = await rest.all<{ tick?: string; state: string }>(`${base}/runs`);
  const run = runs.find(one => one.tick !== undefined && Date.parse(one.tick) === tick);
  return run === undefined ? undefined : `run is ${run.state}`;
}
