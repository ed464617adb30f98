import { setTimeout as delay } from 'node:timers/promises';
import { backoffDelay } from '../../domain/backoff.ts';
import type { Service } from '../../domain/lifecycle.ts';
import type { Milliseconds } from '../../domain/time.ts';
import { Sparing } from '../sparing.ts';
import { type LokiClient, LokiError } from './client.ts';
import { LineQueue } from './line-queue.ts';
import { ProductLines } from './product-lines.ts';

export interface ShipperOptions {
  readonly client: Pick<LokiClient, 'push' | 'close'>;
  readonly program: string;
  /** Told what is wrong, at most once a minute. */
  readonly onTrouble: (reason: string, dropped: number) => void;
  /** The most that may wait, in bytes. Default 8 MiB. */
  readonly limitBytes?: number;
  /** Lines wait so long for company. Default 1 s. */
  readonly every?: Milliseconds;
  /** Wait between tries. Default 0.5 to 30 s. */
  readonly retry?: { readonly initial: Milliseconds; readonly maximum: Milliseconds; readonly factor: number };
}

const batchBytes = 512 * 1024;
/** A server that says to come back later is not believed beyond this. */
const longestAfter: Milliseconds = 60_000;
/** At the end what waits is sent for so long. */
const flushWithin: Milliseconds = 3_000;

/**
 * Sends a process's own log lines to Loki, in batches. Whoever logs never waits for it: lines wait in memory up to a
 * bound, then the oldest are dropped and counted.
 */
export class LokiShipper implements Service {
  readonly #options: ShipperOptions;
  readonly #queue: LineQueue;
  readonly #lines: ProductLines;
  readonly #stopping = new AbortController();
  readonly #giveUp = new AbortController();
  #wake: (() => void) | undefined;
  #running: Promise<void> | undefined;
  readonly #sparing = new Sparing();
  /** Requests by what became of them. */
  readonly pushes = { accepted: 0, refused: 0, failed: 0 };

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#queue = new LineQueue(options.limitBytes ?? 8 * 1024 * 1024);
    this.#lines = new ProductLines(options.program);
  }

  /** Lines that were dropped, since they were too many. */
  get dropped(): number {
    return this.#queue.dropped;
  }

  /** What waits, in bytes. */
  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  /** Takes a line of the log. Never waits, never throws. */
  take(line: string): void {
    this.#queue.add(line);
    if (this.#queue.bytes >= batchBytes) this.#wake?.();
  }

  async start(): Promise<void> {
    this.#running ??= this.#run();
  }

  /** Sends what waits, for up to 3 s. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake?.();
    const timer = setTimeout(() => this.#giveUp.abort(), flushWithin);
    await this.#running;
    clearTimeout(timer);
    await this.#options.client.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!this.#giveUp.signal.aborted) {
      if (this.#queue.bytes < batchBytes) await this.#pause();
      if (this.#queue.size > 0) await this.#deliver(this.#queue.take(batchBytes).map(line => this.#lines.entry(line)));
      else if (signal.aborted) return;
    }
  }

  /** The same entries until they are taken: sent twice, they count once. */
  async #deliver(entries: Parameters<LokiClient['push']>[0]): Promise<void> {
    const { client, retry = { initial: 500, maximum: 30_000, factor: 2 } } = this.#options;
    const { signal } = this.#giveUp;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await client.push(entries, signal);
        this.pushes.accepted++;
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#sparing.say('', () => this.#options.onTrouble((error as Error).message, this.dropped));
        if (error instanceof LokiError && !error.retry) {
          this.pushes.refused++;
          return;
        }
        this.pushes.failed++;
        const after = error instanceof LokiError ? Math.min(error.after ?? 0, longestAfter) : 0;
        const wait = Math.max(after, backoffDelay(retry, attempt, Math.random()));
        // While it stops, it tries faster: there is little time.
        await delay(this.#stopping.signal.aborted ? 200 : wait, undefined, { signal: this.#wait(), ref: false }).catch(
          () => {},
        );
      }
    }
  }

  /** Ends a wait: a stop, or once that was asked for, its end. */
  #wait(): AbortSignal {
    return this.#stopping.signal.aborted ? this.#giveUp.signal : this.#stopping.signal;
  }

  async #pause(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#options.every ?? 1_000).unref();
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
    clearTimeout(timer);
  }
}
