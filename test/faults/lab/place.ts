import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandSync } from './command.ts';
import { processesIn, signalAll } from './namespace.ts';

/**
 * Everything of a lab on the machine has a name that begins with the lab's, and the lab's has the id of its process in
 * it: so whatever a dead one left behind is found and removed.
 */

const pattern = /^cmf(\d+)x\d+/;
let made = 0;

export interface Place {
  /** `cmf<pid>x<n>`: also the name of its device in the namespace of the harness, at most 15 characters. */
  readonly name: string;
  /** A tmpfs of its own: data, sockets, the disks of nodes. */
  readonly folder: string;
}

export function makePlace(): Place {
  const name = `cmf${process.pid}x${made++}`;
  const folder = join(tmpdir(), name);
  mkdirSync(folder);
  mountTmpfs(folder, name, '2g');
  return { name, folder };
}

/** @param size as `mount` takes it: `24m` */
export function mountTmpfs(folder: string, name: string, size: string): void {
  mkdirSync(folder, { recursive: true });
  commandSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0755`, name, folder]);
}

const namespacesOf = (name: string): string[] => list('/run/netns').filter(one => one.startsWith(`${name}-`));

/** Ends every process of a lab, removes its namespaces, devices and mounts. Does no harm when they are gone. */
export function removePlace({ name, folder }: Place): void {
  const namespaces = namespacesOf(name);
  // Processes may fork while they are being ended.
  for (let round = 0; round < 100; round++) {
    const pids = namespaces.flatMap(processesIn);
    if (pids.length === 0) break;
    signalAll(pids, 'SIGKILL');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
  // The veth pairs go with the namespace that holds one of their ends.
  for (const namespace of namespaces) attempt('ip', ['netns', 'delete', namespace]);
  if (list('/sys/class/net').includes(name)) attempt('ip', ['link', 'delete', name]);
  for (let round = 0; round < 20 && list(tmpdir()).includes(folder.slice(tmpdir().length + 1)); round++) {
    attempt('umount', ['--recursive', '--lazy', folder]);
    try {
      rmdirSync(folder);
    } catch {
      // Mounted still, or mounted twice: the next round sees.
    }
  }
}

/** Removes what labs of dead processes left. */
export function sweep(): void {
  const names = [...list('/run/netns'), ...list('/sys/class/net'), ...list(tmpdir())]
    .map(one => pattern.exec(one))
    .filter(match => match !== null && !exists(Number(match[1])))
    .map(match => match?.[0] ?? '');
  for (const name of new Set(names)) removePlace({ name, folder: join(tmpdir(), name) });
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function attempt(program: string, args: readonly string[]): void {
  try {
    commandSync(program, args);
  } catch {
    // It is gone, or what depends on it says so.
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
