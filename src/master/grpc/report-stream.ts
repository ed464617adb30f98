import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Report, ReportBatch } from '../../domain/run/report.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import { workerNameOf } from '../../domain/run/worker-id.ts';
import type { ReportRequest, ReportResponse } from '../../gen/cronmesh/v1/report.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Sparing } from '../../observability/sparing.ts';
import { checkBatch, decodeReport, InvalidReportError } from '../../wire/codec.ts';
import type { Budget } from './budget.ts';
import type { Refusals } from './refusals.ts';

/** `checked`: the sender is the worker of the batch, and may say nothing of others' runs. */
export type Ingest = (batch: ReportBatch, options: { readonly checked: boolean }) => Promise<void>;

export interface ReportStreamDependencies {
  readonly ingest: Ingest;
  readonly refusals: Refusals;
  /** What all streams together may have in memory. */
  readonly budget: Budget;
  /** The worker's name in the client's certificate, where certificates are asked for. */
  readonly sender?: string;
  readonly sparing: Sparing;
  readonly logger: Logger;
}

/** Reports in the name of a worker that is not the certificate's. */
class ForgedSenderError extends Error {
  override readonly name = 'ForgedSenderError';
  constructor(worker: string, sender: string) {
    super(`reports of ${JSON.stringify(worker.slice(0, 100))} are refused: the certificate is that of ${sender}`);
  }
}

/** Batches of a stream that may be uncommitted before no more are read: the sender's window is smaller. */
const maxUncommitted = 8;
/** The worker waits this long after an error of the database, in milliseconds. */
const retryAfterMs = 250;

/**
 * One worker's stream: batches are handed on as they come and acknowledged in order, each after its commit. The first
 * one that is not committed is answered with the error, and ends the stream: what is behind it will be sent again.
 */
export class ReportStream {
  readonly #call: ServerDuplexStream<ReportRequest, ReportResponse>;
  readonly #deps: ReportStreamDependencies;
  #uncommitted = 0;
  #resting = false;
  #ended = false;
  #answers: Promise<void> = Promise.resolve();

  constructor(call: ServerDuplexStream<ReportRequest, ReportResponse>, deps: ReportStreamDependencies) {
    this.#call = call;
    this.#deps = deps;
    call.on('data', (request: ReportRequest) => this.#take(request));
    call.on('end', () => void this.end());
    call.on('cancelled', () => {
      this.#ended = true;
    });
    call.on('error', error => deps.logger.debug({ err: error }, 'a stream of reports broke'));
  }

  /** Takes no more batches, answers those it has, and ends the stream. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#answers;
    this.#call.end();
  }

  #take(request: ReportRequest): void {
    if (this.#ended) return;
    if (++this.#uncommitted >= maxUncommitted) this.#call.pause();
    const bytes = sizeOf(request);
    this.#deps.budget.take(bytes);
    if (this.#deps.budget.spent) this.#rest();
    const committed = this.#commit(request);
    // The next batch may be there before the answers' turn: it must not pass one that failed.
    committed.catch(() => {
      this.#ended = true;
    });
    this.#answers = this.#answers.then(() => this.#answer(request, committed));
    void this.#answers.then(() => this.#deps.budget.give(bytes));
  }

  /** Reads no further until there is room in memory: the worker then sends no further, and keeps the rest on its disk. */
  #rest(): void {
    if (this.#resting) return;
    this.#resting = true;
    this.#call.pause();
    this.#deps.budget.whenRoom(() => {
      this.#resting = false;
      this.#goOn();
    });
  }

  #goOn(): void {
    if (!this.#resting && this.#uncommitted < maxUncommitted) this.#call.resume();
  }

  async #commit(request: ReportRequest): Promise<void> {
    const { worker, spool, first } = request;
    const { sender } = this.#deps;
    if (sender !== undefined && workerNameOf(worker as WorkerId) !== sender)
      throw new ForgedSenderError(worker, sender);
    await this.#deps.ingest(
      { worker: worker as WorkerId, spool, first, reports: this.#decode(request) },
      { checked: sender !== undefined },
    );
  }

  async #answer({ worker, spool, first, reports }: ReportRequest, committed: Promise<void>): Promise<void> {
    let response: ReportResponse;
    try {
      await committed;
      response = { spool, acknowledged: first + reports.length - 1, error: '', retryAfterMs: 0 };
    } catch (error) {
      this.#say(error, { worker, first, reports: reports.length });
      response = { spool, acknowledged: first - 1, error: (error as Error).message || String(error), retryAfterMs };
    }
    if (this.#call.cancelled || this.#call.writableEnded) return;
    this.#call.write(response);
    if (response.error !== '') this.#call.end();
    else {
      this.#uncommitted--;
      this.#goOn();
    }
  }

  #say(error: unknown, about: { readonly worker: string; readonly first: number; readonly reports: number }): void {
    const { logger, sender, sparing } = this.#deps;
    if (error instanceof ForgedSenderError) {
      sparing.say(`${sender} ${about.worker}`, unsaid => logger.warn({ ...about, sender, unsaid }, error.message));
    } else {
      const level = error instanceof InvalidReportError ? 'warn' : 'error';
      logger[level]({ err: error, ...about }, 'reports were not committed');
    }
  }

  /** The reports that can be read. @throws InvalidReportError as long as another master may read the others */
  #decode(request: ReportRequest): Report[] {
    const { refusals, logger } = this.#deps;
    checkBatch(request);
    const { worker, spool, first, reports: messages } = request;
    return messages.flatMap((message, index) => {
      try {
        return [decodeReport(message)];
      } catch (error) {
        if (!refusals.isHopeless(spool, first + index)) throw error;
        refusals.settle(spool, first + index);
        logger.error({ err: error, worker, report: message }, 'no master can read this report: it is dropped');
        return [];
      }
    });
  }
}

/** What a batch takes in memory, near enough: texts, and what each report has beside them. */
function sizeOf({ reports }: ReportRequest): number {
  return reports.reduce((sum, { fact }) => sum + 500 + (fact?.$case === 'output' ? fact.value.text.length : 0), 0);
}
