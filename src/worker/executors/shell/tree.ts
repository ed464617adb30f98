import type { Milliseconds } from '../../../domain/time.ts';
import { type AttemptId, attemptKey } from '../../supervisor/attempt.ts';
import { canListProcesses, nextProcessList, type ProcessInfo } from './processes.ts';

/** KILLs in a row after which a process is left to its fate: it hangs in the kernel, where no signal reaches it. */
const mostKills = 200;
const pauseAfterKill: Milliseconds = 20;
/** Between two looks at a tree that is given time to end by itself. */
const firstPause: Milliseconds = 50;
const longestPause: Milliseconds = 1_000;

/**
 * Everything that an attempt started: the group of its main process, all descendants, and what escaped by `setsid` or
 * a double fork, which still carries `CRONMESH_RUN` and `CRONMESH_ATTEMPT` in the environment it was started with.
 * What has been seen once stays known, though its parent dies. Not found: a process that left group and parents *and*
 * was started with an emptied environment or overwrote its own. Where there is no /proc (not Linux), only the group is
 * ended. Never signalled: process 1, this process, and any process whose environment may not be read.
 */
export class ProcessTree {
  readonly #key: string;
  /** The main process, leader of its group, while it has not been waited for: only so long is its id its own. */
  #leader: number | undefined;
  /** The group's id for as long as it may be trusted: to the first list after the main process ended. */
  #group: number | undefined;
  #signalledGroup: number | undefined;
  readonly #known = new Map<number, string>();
  readonly #signalled = new Set<string>();
  #killAt = Number.POSITIVE_INFINITY;
  #ending: Promise<number> | undefined;
  #wake: () => void = () => {};

  constructor(attempt: AttemptId, leader?: number) {
    this.#key = attemptKey(attempt);
    this.#leader = leader;
    this.#group = leader;
  }

  /** The main process has been waited for: its id may be used again. */
  leaderEnded(): void {
    this.#leader = undefined;
    this.#wake();
  }

  /**
   * TERM to everything at once, KILL after `grace`, until nothing is found any more. Called again, it can only bring
   * the KILL forward.
   *
   * @returns how many processes were signalled
   */
  end(grace: Milliseconds): Promise<number> {
    this.#killAt = Math.min(this.#killAt, performance.now() + grace);
    this.#ending ??= this.#end();
    this.#wake();
    return this.#ending;
  }

  async #end(): Promise<number> {
    this.#signalGroup('SIGTERM');
    let pause = firstPause;
    for (let kills = 0; kills < mostKills; ) {
      const kill = performance.now() >= this.#killAt;
      // Known to be ours without a list, so at once: a fence's end is not a matter of how many processes there are.
      if (kill) this.#signalGroup('SIGKILL');
      const alive = canListProcesses ? await this.#members() : this.#groupAlive();
      if (alive?.length === 0) break;
      for (const one of alive ?? []) this.#signal(one, kill ? 'SIGKILL' : 'SIGTERM');
      if (kill) kills++;
      await this.#pause(kill ? pauseAfterKill : Math.min(pause, this.#killAt - performance.now()));
      pause = Math.min(pause * 1.5, longestPause);
    }
    this.#ending = undefined;
    return this.#signalled.size;
  }

  /** A wait that the leader's end and another `end` cut short. */
  async #pause(wait: Milliseconds): Promise<void> {
    if (wait <= 0) return;
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, wait);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }

  /** Undefined when they could not be listed (no file descriptors left): that is tried again. */
  async #members(): Promise<readonly ProcessInfo[] | undefined> {
    const leaderLives = this.#leader !== undefined;
    const list = await nextProcessList().catch(() => undefined);
    if (!list) return undefined;
    const members = membersOf(list, { key: this.#key, group: this.#group, known: this.#known });
    for (const member of members) this.#known.set(member.pid, member.startTime);
    if (!leaderLives) this.#group = undefined;
    return members;
  }

  #groupAlive(): readonly ProcessInfo[] {
    if (this.#group === undefined) return [];
    try {
      process.kill(-this.#group, 0);
      return [{ pid: -this.#group, parent: 0, group: this.#group, startTime: '' }];
    } catch {
      this.#group = undefined;
      return [];
    }
  }

  #signalGroup(signal: NodeJS.Signals): void {
    if (this.#leader === undefined) return;
    this.#signalledGroup = this.#leader;
    send(-this.#leader, signal);
  }

  #signal(one: ProcessInfo, signal: NodeJS.Signals): void {
    const name = `${one.pid} ${one.startTime}`;
    // One TERM is enough, and what the group has had already is not sent twice.
    if (signal === 'SIGTERM' && (this.#signalled.has(name) || one.group === this.#signalledGroup)) return;
    this.#signalled.add(name);
    send(one.pid, signal);
  }
}

/** Which of a list belong to an attempt: its group, its marked ones, those known before, and all descendants of these. */
export function membersOf(
  list: readonly ProcessInfo[],
  tree: { readonly key: string; readonly group: number | undefined; readonly known: ReadonlyMap<number, string> },
): readonly ProcessInfo[] {
  const children = Map.groupBy(list, one => one.parent);
  const members = new Map<number, ProcessInfo>();
  const add = (one: ProcessInfo): void => {
    if (members.has(one.pid) || one.pid === 1 || one.pid === process.pid) return;
    members.set(one.pid, one);
    for (const child of children.get(one.pid) ?? []) add(child);
  };
  for (const one of list) {
    const inGroup = one.group === tree.group && (one.attempt === undefined || one.attempt === tree.key);
    if (one.attempt === tree.key || inGroup || tree.known.get(one.pid) === one.startTime) add(one);
  }
  return [...members.values()];
}

/** A process that is gone, or not ours to signal, is no error: the next list tells what is left. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {}
}
