import { readdirSync, readFileSync } from 'node:fs';
import type { Rest, RunView } from '../support/rest.ts';

const second = 1_000;
/** Claims are for ticks of this age at most: what is later went to the misfire policy. */
export const liveWindow = 5 * second;

/** What became of the ticks in (from, to] of some jobs of each second, by the files that their runs wrote. */
export interface Starts {
  readonly wanted: number;
  /** Ticks without a start, as `job@tick`. */
  readonly missed: readonly string[];
  readonly doubled: readonly string[];
  /** From the tick to the start of the process, the median and the longest, in milliseconds. */
  readonly median: number;
  readonly longest: number;
}

/** The command of a job that writes when it started: `<tick> <nanoseconds>` a line. */
export const startsCommand = (file: string): string => `echo "$CRONMESH_TICK $(date +%s%N)" >> ${file}`;

export function startsOf(files: ReadonlyMap<string, string>, from: number, to: number): Starts {
  const missed: string[] = [];
  const doubled: string[] = [];
  const late: number[] = [];
  let wanted = 0;
  for (const [job, file] of files) {
    const seen = new Map<number, number[]>();
    for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const [tick, at] = line.split(' ');
      const when = Date.parse(tick ?? '');
      seen.set(when, [...(seen.get(when) ?? []), Number(at) / 1e6 - when]);
    }
    for (let tick = Math.floor(from / second) * second + second; tick <= to; tick += second) {
      wanted++;
      const starts = seen.get(tick) ?? [];
      if (starts.length === 0) missed.push(`${job}@${new Date(tick).toISOString()}`);
      if (starts.length > 1) doubled.push(`${job}@${new Date(tick).toISOString()}`);
      if (starts[0] !== undefined) late.push(starts[0]);
    }
  }
  late.sort((a, b) => a - b);
  return { wanted, missed, doubled, median: late[late.length >> 1] ?? Number.NaN, longest: late.at(-1) ?? Number.NaN };
}

/** Makes jobs of each second and waits until all of them have run. Gives their files by their names. */
export async function everySecond(rest: Rest, count: number, folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const name = `second-${i}`;
    files.set(name, `${folder}/${name}`);
    const executor = { shell: { command: startsCommand(`${folder}/${name}`) } };
    await rest.post('/api/v1/namespaces/default/jobs', {
      metadata: { name },
      spec: { schedule: '* * * * * *', executor },
    });
  }
  return files;
}

/** Bytes of memory and open files of a process. */
export function held(pid: number): { readonly rss: number; readonly fds: number } {
  const rss = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
  return { rss, fds: readdirSync(`/proc/${pid}/fd`).length };
}

export type { RunView };
