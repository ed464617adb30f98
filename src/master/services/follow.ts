import type { RunId } from '../../domain/run/run.ts';
import type { Milliseconds } from '../../domain/time.ts';
import type { LogLine } from '../../store/store.ts';
import type { Changes } from './changes.ts';

/** Another master may take the reports: then nothing tells this one, and it looks by itself this often. */
const lookEvery: Milliseconds = 500;

export interface FollowOptions {
  readonly run: RunId;
  readonly after: number;
  /** The lines after one, in order; empty when there are none yet. */
  readonly read: (after: number) => Promise<readonly LogLine[]>;
  readonly ended: () => Promise<boolean>;
  readonly changes: Changes;
  readonly signal: AbortSignal;
}

/** Gives a run's lines as they come, in batches, until it has ended and all were given, or the signal aborts. */
export async function* followLog(options: FollowOptions): AsyncGenerator<readonly LogLine[]> {
  const { run, read, ended, signal } = options;
  const news = new News(options.changes, run, signal);
  try {
    let after = options.after;
    while (!signal.aborted) {
      // In this order: once the run has ended no line is added, so an empty read after it is the last.
      const last = await ended();
      const lines = await read(after);
      if (lines.length > 0) {
        after = lines.at(-1)?.id ?? after;
        yield lines;
      } else if (last) {
        return;
      } else {
        await news.wait(lookEvery);
      }
    }
  } finally {
    news.close();
  }
}

/** Remembers that a run changed since the last wait: news that come during a read are not lost. */
class News {
  #fresh = false;
  #wake: (() => void) | undefined;
  readonly #signal: AbortSignal;
  readonly #unsubscribe: () => void;
  readonly #onAbort = (): void => this.#wake?.();

  constructor(changes: Changes, run: RunId, signal: AbortSignal) {
    this.#signal = signal;
    this.#unsubscribe = changes.subscribe(change => {
      if (change.kind !== 'runs' || !change.runs.includes(run)) return;
      this.#fresh = true;
      this.#wake?.();
    });
    signal.addEventListener('abort', this.#onAbort);
  }

  async wait(atMost: Milliseconds): Promise<void> {
    if (!this.#fresh && !this.#signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, atMost);
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
      this.#wake = undefined;
    }
    this.#fresh = false;
  }

  close(): void {
    this.#unsubscribe();
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}
