import { globSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** libfaketime's library for programs with threads; undefined where it is not installed. */
export function faketimeLibrary(): string | undefined {
  return globSync('/usr/{lib,lib64,local/lib}{,/*-linux-gnu}/faketime/libfaketimeMT.so.1')[0];
}

const forks = fileURLToPath(new URL('./clock-forks.cjs', import.meta.url));
/** How often a drifting clock is moved, in milliseconds. */
const every = 100;

/**
 * The wall clock of a node's programs: libfaketime reads how far it is moved from a file, at each look at the clock.
 * The monotonic clock stays. Worker, its supervisor and masters have it; Consul (which needs no libc), and the processes
 * of jobs, see the machine's own clock.
 */
export class NodeClock {
  readonly #file: string;
  #offset = 0;
  #drift = 0;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(file: string) {
    this.#file = file;
    this.set(0, 0);
  }

  /** What a program must be started with. */
  get env(): Record<string, string> {
    return {
      LD_PRELOAD: faketimeLibrary() ?? '',
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
      NODE_OPTIONS: `--require=${forks}`,
    };
  }

  /** How far it is moved now, in milliseconds. */
  get offset(): number {
    return this.#offset + (this.#drift * (performance.now() - this.#since)) / 1000;
  }

  /** @param drift milliseconds for each second from now on */
  set(offset: number, drift: number): void {
    clearInterval(this.#timer);
    this.#offset = offset;
    this.#drift = drift;
    this.#since = performance.now();
    this.#write();
    if (drift !== 0) this.#timer = setInterval(() => this.#write(), every).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** In one step: a reader sees the old or the new, never a half. */
  #write(): void {
    const seconds = this.offset / 1000;
    writeFileSync(`${this.#file}.new`, `${seconds < 0 ? '' : '+'}${seconds.toFixed(6)}\n`);
    renameSync(`${this.#file}.new`, this.#file);
  }
}
