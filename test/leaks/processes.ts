import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/process.ts';
import type { Point } from './trend.ts';

/** What is measured of a process. Bytes for memory, else how many. */
export const measures = ['rss', 'heap', 'external', 'fds', 'threads', 'timers', 'resources'] as const;
export type Measure = (typeof measures)[number];
export type Sample = Partial<Record<Measure, number>>;

const probe = fileURLToPath(new URL('probe.ts', import.meta.url));

/** What programs that are to be probed have in their environment. */
export function probedEnvironment(folder: string): Record<string, string> {
  return {
    NODE_OPTIONS: `--expose-gc --disable-warning=ExperimentalWarning --import file://${probe}`,
    LEAK_PROBE_FOLDER: folder,
  };
}

/** Of a process with the probe: after its garbage was collected. */
export async function sampleProbed(pid: number, folder: string): Promise<Sample> {
  const path = join(folder, `${pid}.json`);
  rmSync(path, { force: true });
  process.kill(pid, 'SIGUSR2');
  await eventually(`the probe of ${pid}`, () => existsSync(path), 90_000, 100);
  const { memory, resources } = JSON.parse(readFileSync(path, 'utf8')) as {
    memory: NodeJS.MemoryUsage;
    resources: Record<string, number>;
  };
  return {
    ...sampleOutside(pid),
    heap: memory.heapUsed,
    external: memory.external + memory.arrayBuffers,
    timers: resources.Timeout ?? 0,
    resources: Object.entries(resources).reduce((sum, [kind, count]) => sum + (kind === 'Timeout' ? 0 : count), 0),
  };
}

/** What the system knows of any process. */
export function sampleOutside(pid: number): Sample {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return { rss: field('VmRSS') * 1024, threads: field('Threads'), fds: readdirSync(`/proc/${pid}/fd`).length };
}

/** The supervisor of a worker: its child with that program. */
export function supervisorOf(worker: number): number {
  for (const task of readdirSync(`/proc/${worker}/task`)) {
    for (const pid of readFileSync(`/proc/${worker}/task/${task}/children`, 'utf8').split(' ').filter(Boolean)) {
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('supervisor')) return Number(pid);
    }
  }
  throw new Error(`worker ${worker} has no supervisor`);
}

/** The measurements of one process by the time. */
export class Series {
  readonly name: string;
  readonly #points = new Map<Measure, Point[]>();

  constructor(name: string) {
    this.name = name;
  }

  add(at: number, sample: Sample): void {
    for (const measure of measures) {
      const value = sample[measure];
      if (value === undefined) continue;
      const points = this.#points.get(measure) ?? [];
      this.#points.set(measure, points);
      points.push({ at, value });
    }
  }

  /** From an instant on. */
  of(measure: Measure, since: number): readonly Point[] {
    return (this.#points.get(measure) ?? []).filter(point => point.at >= since);
  }
}
