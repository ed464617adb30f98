import type { Milliseconds } from '../../domain/time.ts';

/** A wait that can be cut short from elsewhere. */
export class Pause {
  readonly #waiting = new Set<() => void>();

  /** Resolves after `delay` or at `end`. @throws the signal's reason when it is aborted */
  async wait(delay: Milliseconds, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (delay <= 0) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => reject(signal.reason);
    const timer = setTimeout(resolve, delay);
    this.#waiting.add(resolve);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(resolve);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Ends every wait that is going on. */
  end(): void {
    for (const resolve of this.#waiting) resolve();
  }
}
