import { CronmeshError, ErrorCode } from '../../domain/errors.ts';
import type { ReportBatch } from '../../domain/run/report.ts';
import type { Milliseconds } from '../../domain/time.ts';

/**
 * Carries batches to a master. Two adapters: gRPC (a long stream over balanced connections) and direct (standalone).
 */
export interface ReportTransport {
  /**
   * Resolves once every report of the batch is committed in the database. Several batches may be under way, and they
   * are committed in the order of the calls: when one fails, those behind it fail too.
   * @throws when it was not committed, or that is not known: send again
   */
  deliver(batch: ReportBatch, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** A batch that was not acknowledged: whether it was committed is not known, so it is sent again. */
export class DeliveryError extends CronmeshError {
  override readonly name = 'DeliveryError';
  /** The master asks for this wait before the next try; 0 when it did not. */
  readonly retryAfter: Milliseconds;
  constructor(message: string, options: { cause?: unknown; retryAfter?: Milliseconds } = {}) {
    super(ErrorCode.Unavailable, message, { retryable: true, cause: options.cause });
    this.retryAfter = options.retryAfter ?? 0;
  }
}
