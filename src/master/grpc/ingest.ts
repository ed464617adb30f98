import type { Report, ReportBatch } from '../../domain/run/report.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import type { Clock, Instant } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import { Sparing } from '../../observability/sparing.ts';
import type { Store } from '../../store/store.ts';
import { sortReports } from './own-reports.ts';
import { applySplitting } from './poison.ts';
import { storableReport } from './storable.ts';

export interface ReportIngestOptions {
  readonly store: Pick<Store, 'applyReports' | 'runClaims'>;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Most database transactions of different workers at once; each holds a connection. Default 4. */
  readonly concurrency?: number;
  /** Most reports in one transaction. Default 5,000. */
  readonly transactionReports?: number;
  /** Told of each commit, for metrics. */
  readonly onCommit?: (commit: { readonly reports: number; readonly seconds: number }) => void;
  /** Told of each report that was dropped because the database can never take it. */
  readonly onDropped?: (report: Report) => void;
}

/** Called after reports were committed, with when their transaction began and ended; must return at once. */
export type ReportsListener = (
  worker: WorkerId,
  reports: readonly Report[],
  commit: { readonly from: Instant; readonly to: Instant },
) => void;

interface Waiting {
  readonly worker: WorkerId;
  readonly checked: boolean;
  readonly reports: readonly Report[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Commits workers' reports in bulk. Batches of a spool are committed in the order of their calls, one transaction at
 * a time, and whatever came while it was under way goes into the next one; spools do not wait for one another.
 * When a batch is not committed, those of the same spool behind it are refused too: its worker sends all of them again.
 */
export class ReportIngest {
  readonly #options: ReportIngestOptions;
  /** By spool. */
  readonly #queues = new Map<string, Waiting[]>();
  readonly #listeners = new Set<ReportsListener>();
  readonly #slots: Slots;
  readonly #sparing = new Sparing();

  constructor(options: ReportIngestOptions) {
    this.#options = options;
    this.#slots = new Slots(options.concurrency ?? 4);
  }

  /**
   * Resolves once the whole batch is committed. `checked`: what it says of other workers' runs is dropped.
   *
   * @throws what the store threw: send it again
   */
  ingest(batch: ReportBatch, { checked = false }: { readonly checked?: boolean } = {}): Promise<void> {
    if (batch.reports.length === 0) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { worker, spool, reports } = batch;
    const waiting: Waiting = { worker, checked, reports: reports.map(storableReport), resolve, reject };
    const queue = this.#queues.get(spool);
    if (queue) {
      queue.push(waiting);
    } else {
      const begun = [waiting];
      this.#queues.set(spool, begun);
      void this.#drain(spool, begun);
    }
    return promise;
  }

  /** Subscribes to what is committed through this master. Gives the function that ends it. */
  onReports(listener: ReportsListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async #drain(spool: string, queue: Waiting[]): Promise<void> {
    while (queue.length > 0) {
      await this.#slots.take();
      const { worker, group } = this.#next(queue);
      try {
        const { clock = Date.now } = this.#options;
        const from = clock();
        const reports = await this.#commit(worker, group);
        for (const { resolve } of group) resolve();
        this.#tell(worker, reports, { from, to: clock() });
      } catch (error) {
        for (const { reject } of [...group, ...queue.splice(0)]) reject(error);
      } finally {
        this.#slots.give();
      }
    }
    this.#queues.delete(spool);
  }

  /** Takes as many batches as fit into one transaction, one at least; a transaction is in one worker's name. */
  #next(queue: Waiting[]): { readonly worker: WorkerId; readonly group: readonly Waiting[] } {
    const limit = this.#options.transactionReports ?? 5_000;
    const [first] = queue;
    if (!first) throw new Error('an empty queue is not drained');
    let total = 0;
    const fitting = queue.findIndex(({ worker, reports }, index) => {
      total += reports.length;
      return index > 0 && (total > limit || worker !== first.worker);
    });
    return { worker: first.worker, group: queue.splice(0, fitting === -1 ? queue.length : fitting) };
  }

  async #commit(worker: WorkerId, group: readonly Waiting[]): Promise<readonly Report[]> {
    const { store, logger, clock = Date.now, onCommit, onDropped } = this.#options;
    const began = performance.now();
    const all = group.length === 1 && group[0] ? group[0].reports : group.flatMap(one => one.reports);
    const reports = group.some(one => one.checked) ? await this.#own(worker, all) : all;
    await applySplitting(
      reports,
      part => store.applyReports(worker, part, clock()),
      (report, error) => {
        logger.error({ err: error, worker, report }, 'the database can never take this report: it is dropped');
        onDropped?.(report);
      },
    );
    onCommit?.({ reports: reports.length, seconds: (performance.now() - began) / 1_000 });
    return reports;
  }

  /** A forged report is not committed, and holds up nobody: its sender has it acknowledged as any other. */
  async #own(worker: WorkerId, reports: readonly Report[]): Promise<readonly Report[]> {
    const { store, logger, onDropped } = this.#options;
    const { own, foreign } = await sortReports(store, worker, reports);
    for (const report of foreign) {
      const { type, run } = report as Exclude<Report, { type: 'skipped' }>;
      this.#sparing.say(`${worker} ${run}`, () =>
        logger.warn({ worker, run, type }, "a report of another worker's run is refused"),
      );
      onDropped?.(report);
    }
    return own;
  }

  #tell(...[worker, reports, commit]: Parameters<ReportsListener>): void {
    for (const listener of this.#listeners) {
      try {
        listener(worker, reports, commit);
      } catch (error) {
        this.#options.logger.error({ err: error }, 'a listener of reports failed');
      }
    }
  }
}

/** A number of permits, given in the order of asking. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async take(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>(resolve => this.#waiting.push(resolve));
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
