import { setTimeout as delay } from 'node:timers/promises';
import { backoffDelay, defaultBackoff } from '../domain/backoff.ts';
import type { Report } from '../domain/run/report.ts';
import type { Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import type { ReportSink } from './ports.ts';

/** How long a report is tried for; then it is given up, and the leader closes its run as Lost. */
const patience: Milliseconds = 60_000;

/** Appends to the spool, in order, and goes on trying while the disk is full. */
export class Reports {
  readonly #sink: ReportSink;
  readonly #log: Logger;
  /** Since the last append that failed, until one succeeds. */
  #failure: string | undefined;
  /** While the disk refuses, later reports wait behind earlier ones. */
  #blocked: Promise<void> | undefined;

  constructor(sink: ReportSink, logger: Logger) {
    this.#sink = sink;
    this.#log = logger;
  }

  /** Why reports are not kept; undefined while they are. Nothing should be started then. */
  get reason(): string | undefined {
    return this.#failure === undefined ? undefined : `the spool takes no reports: ${this.#failure}`;
  }

  /** Resolves when the reports are on disk, or when that was given up. Never rejects. */
  async append(reports: readonly Report[]): Promise<void> {
    if (this.#blocked === undefined) {
      try {
        await this.#sink.append(reports);
        return;
      } catch (error) {
        this.#fail(error);
      }
    }
    const until = performance.now() + patience;
    const turn = (this.#blocked ?? Promise.resolve()).then(() => this.#insist(reports, until));
    this.#blocked = turn;
    await turn;
    if (this.#blocked === turn) this.#blocked = undefined;
  }

  /** Tries at once: what waited behind others goes with no pause of its own once the disk takes something again. */
  async #insist(reports: readonly Report[], until: number): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#sink.append(reports);
        this.#failure = undefined;
        return;
      } catch (error) {
        this.#fail(error);
      }
      if (performance.now() >= until) break;
      await delay(backoffDelay(defaultBackoff, attempt, Math.random()));
    }
    this.#log.error({ reports: reports.length }, 'reports were given up: the spool did not take them for a minute');
  }

  #fail(error: unknown): void {
    if (this.#failure === undefined) this.#log.error({ err: error }, 'the spool takes no reports');
    this.#failure = error instanceof Error ? error.message : String(error);
  }
}
