import { readdirSync, readFileSync } from 'node:fs';

/** What `/proc` shows of a process. */
export interface ProcessView {
  readonly pid: number;
  readonly parent: number;
  readonly commandLine: string;
  readonly environment: string;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** A process and everything that it started, as far as it still lives; the process itself first. */
export function processTree(pid: number): readonly ProcessView[] {
  const all = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => ({
      pid: Number(name),
      parent: Number(/\) \S (\d+)/.exec(read(`/proc/${name}/stat`))?.[1] ?? 0),
      commandLine: read(`/proc/${name}/cmdline`),
      environment: read(`/proc/${name}/environ`),
    }));
  const below = (parent: number): ProcessView[] =>
    all.filter(one => one.parent === parent).flatMap(one => [one, ...below(one.pid)]);
  return [...all.filter(one => one.pid === pid), ...below(pid)];
}
