import type { Milliseconds } from '../../../domain/time.ts';

export interface PaceOptions {
  /** Bytes that are read in a turn, of all streams together. */
  readonly bytes: number;
  readonly turn: Milliseconds;
}

/** What one read of a pipe brings at most, in bytes. */
const oneRead = 64 * 1024;

/**
 * Bounds how much output is read, over all streams that share it: beyond it a stream waits for its turn, the one that
 * has waited longest first. Its process is held up by its full pipe meanwhile, and other work has its turns.
 *
 * @example
 * const wait = pace.take(bytes.length);
 * if (wait) { stream.pause(); void wait.then(() => stream.resume()); }
 */
export class Pace {
  readonly #options: PaceOptions;
  readonly #waiting: (() => void)[] = [];
  #left: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#left = options.bytes;
  }

  /** @returns a promise when no more is to be read before it resolves */
  take(bytes: number): Promise<void> | undefined {
    this.#left -= bytes;
    this.#timer ??= setTimeout(() => this.#turn(), this.#options.turn);
    if (this.#left > 0 && this.#waiting.length === 0) return undefined;
    return new Promise(resolve => this.#waiting.push(resolve));
  }

  #turn(): void {
    const { bytes, turn } = this.#options;
    this.#left = Math.min(bytes, this.#left + bytes);
    // What they read is counted when they have.
    const reads = Math.max(0, Math.ceil(this.#left / oneRead));
    for (const resolve of this.#waiting.splice(0, reads)) resolve();
    const again = this.#waiting.length > 0 || this.#left < bytes;
    this.#timer = again ? setTimeout(() => this.#turn(), turn) : undefined;
  }
}
