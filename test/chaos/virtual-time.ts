import { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';
import { Heap } from '../../src/worker/agenda/heap.ts';

/** A process of the simulation: while it is frozen (as by SIGSTOP) its timers wait, and a dead one's never fire. */
export class Process {
  readonly name: string;
  state: 'running' | 'frozen' | 'dead' = 'running';
  #thawed = Promise.withResolvers<void>();
  readonly #late: (() => void)[] = [];

  constructor(name: string) {
    this.name = name;
  }

  freeze(): void {
    if (this.state === 'running') this.state = 'frozen';
  }

  /** What came due meanwhile fires now, in order. */
  thaw(): void {
    if (this.state !== 'frozen') return;
    this.state = 'running';
    this.#thawed.resolve();
    this.#thawed = Promise.withResolvers();
    for (const fire of this.#late.splice(0)) fire();
  }

  die(): void {
    this.state = 'dead';
    this.#late.length = 0;
  }

  /** Resolves once it runs: never, when it is dead. */
  async awake(): Promise<void> {
    while (this.state === 'frozen') await this.#thawed.promise;
    if (this.state === 'dead') await new Promise(() => {});
  }

  /** For a timer that has come due. */
  defer(fire: () => void): boolean {
    if (this.state === 'frozen') this.#late.push(fire);
    return this.state !== 'running';
  }
}

const current = new AsyncLocalStorage<Process | undefined>();

/** Runs work as that process; without one, as the world outside. */
export function as<T>(process: Process | undefined, work: () => T): T {
  return current.run(process, work);
}

interface Alarm {
  readonly at: number;
  fire: (() => void) | undefined;
}

/** Realtime is left out: time passes only when nothing else is to be done, in jumps to the next timer. */
export class VirtualTime {
  #now: number;
  readonly #start: number;
  readonly #alarms = new Heap<Alarm>();
  readonly #busy: () => boolean;
  readonly #restore: () => void;

  /** `busy`: something real (a database) is still at work for the present instant. Installs itself until `uninstall`. */
  constructor(start: number, busy: () => boolean) {
    this.#now = start;
    this.#start = start;
    this.#busy = busy;
    this.#restore = this.#install();
  }

  get now(): number {
    return this.#now;
  }

  uninstall(): void {
    this.#restore();
  }

  /** Lets time pass until the work is done. @throws Error when it takes longer than `most` ms of this time */
  async until<T>(work: Promise<T>, most: number): Promise<T> {
    let done = false;
    const settle = () => {
      done = true;
    };
    work.then(settle, settle);
    const end = this.#now + most;
    await this.#settle();
    while (!done) {
      if (!(await this.#step(end))) throw new Error(`not done within ${most} ms`);
    }
    return await work;
  }

  async pass(duration: number): Promise<void> {
    const end = this.#now + duration;
    await this.#settle();
    while (await this.#step(end));
    this.#now = end;
  }

  /** Fires the next timer. False: there is none up to `end`. */
  async #step(end: number): Promise<boolean> {
    const next = this.#alarms.first;
    if (next === undefined || next.at > end) return false;
    this.#alarms.popDue(next.at);
    if (next.fire === undefined) return true;
    this.#now = Math.max(this.#now, next.at);
    next.fire();
    await this.#settle();
    return true;
  }

  async #settle(): Promise<void> {
    for (let quiet = 0; quiet < 2; ) {
      await new Promise(setImmediate);
      quiet = this.#busy() ? 0 : quiet + 1;
    }
  }

  #arm(wait: number, fire: () => void, again: boolean): object {
    const owner = current.getStore();
    const step = Math.max(1, Number.isFinite(wait) ? wait : 1);
    const handle = {
      alarm: undefined as Alarm | undefined,
      unref: () => handle,
      ref: () => handle,
      hasRef: () => true,
      refresh: () => handle,
      clear: () => {
        if (handle.alarm !== undefined) handle.alarm.fire = undefined;
        handle.alarm = undefined;
      },
    };
    const set = () => {
      const alarm: Alarm = {
        at: this.#now + step,
        fire: () => {
          const ring = () => {
            if (handle.alarm !== alarm) return;
            handle.alarm = undefined;
            if (again) set();
            as(owner, fire);
          };
          if (owner === undefined || !owner.defer(ring)) ring();
        },
      };
      handle.alarm = alarm;
      this.#alarms.push(alarm);
    };
    set();
    return handle;
  }

  #install(): () => void {
    const real = { setTimeout, clearTimeout, setInterval, clearInterval, now: Date.now };
    const realDelay = timersPromises.setTimeout;
    const realPerformance = performance.now;
    const realBigint = process.hrtime.bigint;
    const clear = (handle: unknown) => (handle as { clear?: () => void } | undefined)?.clear?.();
    const arm =
      (again: boolean) =>
      (fire: (...args: unknown[]) => void, wait?: number, ...args: unknown[]) =>
        this.#arm(wait ?? 1, () => fire(...args), again);
    const delay = (wait = 1, value?: unknown, { signal }: { signal?: AbortSignal } = {}) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const timer = this.#arm(wait, () => resolve(value), false);
        signal?.addEventListener('abort', () => {
          clear(timer);
          reject(signal.reason);
        });
      });
    Object.assign(globalThis, {
      setTimeout: arm(false),
      setInterval: arm(true),
      clearTimeout: clear,
      clearInterval: clear,
    });
    Object.assign(timersPromises, { setTimeout: delay });
    syncBuiltinESMExports();
    Date.now = () => Math.floor(this.#now);
    performance.now = () => this.#now - this.#start;
    process.hrtime.bigint = () => BigInt(Math.round((this.#now - this.#start + 1e6) * 1e6));
    return () => {
      const { now, ...timers } = real;
      Object.assign(globalThis, timers);
      Object.assign(timersPromises, { setTimeout: realDelay });
      syncBuiltinESMExports();
      Date.now = now;
      performance.now = realPerformance;
      process.hrtime.bigint = realBigint;
    };
  }
}
