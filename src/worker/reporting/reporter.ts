import { backoffDelay, defaultBackoff } from '../../domain/backoff.ts';
import type { Service } from '../../domain/lifecycle.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import type { Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import { Pause } from './pause.ts';
import type { Spool } from './spool.ts';
import { DeliveryError, type ReportTransport } from './transport.ts';

export interface ReporterOptions {
  /** For reports of which the spool does not know the process. */
  readonly worker: WorkerId;
  readonly spool: Spool;
  readonly transport: ReportTransport;
  readonly logger: Logger;
  /** Most reports in a batch. Default 500. */
  readonly batchReports?: number;
  /** A batch that is not full waits until this long after the one before it. Default 20 ms. */
  readonly linger?: Milliseconds;
  /** Most batches that are sent and not yet acknowledged. Default 4. */
  readonly window?: number;
  /** Told of every batch that a master committed. */
  readonly onDelivered?: (reports: number) => void;
  /** Told of every failure, before the wait that follows it. */
  readonly onRetry?: (error: unknown) => void;
}

/**
 * Brings reports from the spool to the masters, in order, and gives the spool's space back as they are committed. It
 * never gives up: after a failure it goes on at the first report that is not acknowledged, with growing, jittered
 * waits. Owns neither spool nor transport.
 */
export class Reporter implements Service {
  readonly #options: Required<Omit<ReporterOptions, 'onDelivered' | 'onRetry'>> & ReporterOptions;
  readonly #stopping = new AbortController();
  readonly #pause = new Pause();
  #running: Promise<void> | undefined;
  #delivered = Promise.withResolvers<void>();
  #flushing = 0;
  #failures = 0;

  constructor(options: ReporterOptions) {
    this.#options = { batchReports: 500, linger: 20, window: 4, ...options };
  }

  async start(): Promise<void> {
    if (this.#stopping.signal.aborted) throw new Error('a reporter that was stopped cannot be started again');
    this.#running ??= this.#run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the reporter stops'));
    await this.#running;
  }

  /**
   * Delivers what is in the spool now, without lingering. Resolves true when all of it is committed, false after
   * `timeout` milliseconds; what is left stays in the spool for the next start.
   */
  async flush(timeout: Milliseconds): Promise<boolean> {
    const { spool } = this.#options;
    const end = spool.firstUnacknowledged + spool.depth;
    const expired = Promise.withResolvers<'expired'>();
    const timer = setTimeout(() => expired.resolve('expired'), timeout);
    this.#flushing++;
    this.#pause.end();
    try {
      while (spool.firstUnacknowledged < end) {
        if ((await Promise.race([this.#delivered.promise, expired.promise])) === 'expired') return false;
      }
      return true;
    } finally {
      this.#flushing--;
      clearTimeout(timer);
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#deliverAll(signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#backOff(error, signal);
      }
    }
  }

  /** Delivers batch after batch until one fails; then what else is under way is called back, and it throws. */
  async #deliverAll(stopping: AbortSignal): Promise<void> {
    const { spool, transport, batchReports, linger, window, onDelivered } = this.#options;
    const failed = new AbortController();
    const signal = AbortSignal.any([stopping, failed.signal]);
    const underWay: Promise<void>[] = [];
    // Acknowledgements in the order of the batches: one that failed holds back those behind it.
    let acknowledged = Promise.resolve();
    let next = spool.firstUnacknowledged;
    let full = true;
    let sent = 0;
    try {
      for (;;) {
        // Never stuck: a failure anywhere aborts the signal, and with it every delivery.
        if (underWay.length >= window) await underWay.shift();
        if (!full && this.#flushing === 0) await this.#pause.wait(sent + linger - performance.now(), signal);
        const { first, reports, worker = this.#options.worker } = await spool.read(next, batchReports, signal);
        signal.throwIfAborted();
        next = first + reports.length;
        full = next < spool.firstUnacknowledged + spool.depth;
        sent = performance.now();
        const last = next - 1;
        const delivery = transport.deliver({ worker, spool: spool.id, first, reports }, signal);
        const before = acknowledged;
        acknowledged = delivery
          .then(() => before)
          .then(async () => {
            await spool.acknowledge(last);
            this.#succeed();
            onDelivered?.(reports.length);
          });
        acknowledged.catch(error => failed.abort(error));
        underWay.push(acknowledged);
      }
    } finally {
      failed.abort();
      await Promise.allSettled(underWay);
    }
  }

  #succeed(): void {
    if (this.#failures > 0) this.#options.logger.info({ failures: this.#failures }, 'reports are delivered again');
    this.#failures = 0;
    this.#delivered.resolve();
    this.#delivered = Promise.withResolvers();
  }

  async #backOff(error: unknown, signal: AbortSignal): Promise<void> {
    const { logger, spool, onRetry } = this.#options;
    onRetry?.(error);
    const asked = error instanceof DeliveryError ? error.retryAfter : 0;
    const delay = Math.max(asked, backoffDelay(defaultBackoff, this.#failures, Math.random()));
    // The first of a row, then one line for about each half minute: a long outage must not fill the log.
    const level = this.#failures % 8 === 0 ? 'warn' : 'debug';
    logger[level]({ err: error, waiting: spool.depth, delay }, 'reports were not delivered; they stay in the spool');
    this.#failures++;
    await this.#pause.wait(delay, signal).catch(() => {});
  }
}
