import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { RunId } from '../../../domain/run/run.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import { attemptKey } from '../../supervisor/attempt.ts';

/** A live process (no zombie), as /proc shows it. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Clock ticks since boot, as text: with the pid it names a process for good, though pids are used again. */
  readonly startTime: string;
  /** The attempt whose `CRONMESH_RUN` and `CRONMESH_ATTEMPT` it was started with, as `attemptKey` writes it. */
  readonly attempt?: string;
  /** It shows no environment: it has none, or is in the middle of `exec`. */
  readonly isBlank?: true;
}

/** Whether processes can be listed at all: on Linux only. Elsewhere only process groups can be ended. */
export const canListProcesses = existsSync('/proc/self/stat');

/** Processes read in one turn of the event loop: a few milliseconds at most, so that starts are not late for a scan. */
const processesPerTurn = 32;

/** Processes of the list before, by pid: an environment is read once, for what a process was started with stays its mark. */
let seen: ReadonlyMap<number, ProcessInfo> = new Map();

/** So old a process is past its start: what has no environment then has none. */
const young: Milliseconds = 2_000;
/** A process in the middle of `exec` shows no environment for an instant, longer on a busy machine: it is looked at again. */
const looksAgain = 5;
const pauseBetweenLooks: Milliseconds = 10;

/** Every live process whose data may be read (for root, of all). Not an instant's picture: what forks meanwhile may be missing. */
export async function listProcesses(): Promise<readonly ProcessInfo[]> {
  const found = new Map<number, ProcessInfo>();
  let read = 0;
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const info = readProcess(pid, seen.get(pid));
    if (info) found.set(pid, info);
    if (++read % processesPerTurn === 0) await turn();
  }
  for (let look = 0; look < looksAgain; look++) {
    const starting = [...found.values()].filter(one => one.isBlank && ageOf(one) < young);
    if (starting.length === 0) break;
    await delay(pauseBetweenLooks);
    for (const { pid } of starting) {
      const info = readProcess(pid);
      if (info) found.set(pid, info);
      else found.delete(pid);
    }
  }
  seen = found;
  return [...found.values()];
}

/** Since its start; a clock tick is 10 ms for every program. */
const ageOf = ({ startTime }: ProcessInfo): Milliseconds => uptime() * 1_000 - Number(startTime) * 10;

/** One process, or undefined when it is gone, a zombie, or may not be read. `before`: what was under this pid last time. */
export function readProcess(pid: number, before?: ProcessInfo): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command's name is in parentheses and may hold anything, parentheses too: the fields begin after the last one.
    const [state, parent, group, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X') return undefined;
    const startTime = rest[16] ?? '';
    const info = { pid, parent: Number(parent), group: Number(group), startTime };
    if (before?.startTime === startTime && !before.isBlank) return { ...before, ...info };
    // The kernel's own threads have no memory.
    if (rest[17] === '0') return info;
    const environment = environmentOf(pid);
    const attempt = attemptOf(environment);
    return { ...info, ...(environment.length === 0 && { isBlank: true }), ...(attempt !== undefined && { attempt }) };
  } catch {
    return undefined;
  }
}

/**
 * @throws when it may not be read, but for root: in containers root often lacks the right to look into other users'
 * processes (CAP_SYS_PTRACE), and has the one to end them. A run's own are then known by their group and parents.
 */
function environmentOf(pid: number): Buffer {
  try {
    return readFileSync(`/proc/${pid}/environ`);
  } catch (error) {
    if (process.getuid?.() === 0 && (error as NodeJS.ErrnoException).code === 'EACCES') return Buffer.alloc(0);
    throw error;
  }
}

const marker = Buffer.from('CRONMESH_RUN=');

function attemptOf(environment: Buffer): string | undefined {
  if (!environment.includes(marker)) return undefined;
  let run: string | undefined;
  let attempt: string | undefined;
  for (const variable of environment.toString('latin1').split('\0')) {
    if (variable.startsWith('CRONMESH_RUN=')) run = variable.slice(13);
    else if (variable.startsWith('CRONMESH_ATTEMPT=')) attempt = variable.slice(17);
  }
  return run === undefined || attempt === undefined
    ? undefined
    : attemptKey({ run: run as RunId, attempt: Number(attempt) });
}

let next: Promise<readonly ProcessInfo[]> | undefined;
let running: Promise<unknown> = Promise.resolve();
let notBefore = 0;

const pauseFactor = 9;
/** However many processes there are, ending a tree must not wait long for the next list. */
const maximumPause = 100;

/** The next list that begins after the call; callers share one, and lists take at most about a tenth of the time. */
export function nextProcessList(): Promise<readonly ProcessInfo[]> {
  next ??= beginList();
  return next;
}

async function beginList(): Promise<readonly ProcessInfo[]> {
  await running.catch(() => {});
  await new Promise(resolve => setTimeout(resolve, Math.max(0, notBefore - performance.now())));
  next = undefined;
  const began = performance.now();
  const list = listProcesses().finally(() => {
    const ended = performance.now();
    notBefore = ended + Math.min(maximumPause, (ended - began) * pauseFactor);
  });
  running = list;
  return list;
}
