import type { ReportBatch } from '../../domain/run/report.ts';

/**
 * Carries batches to a master. Two adapters: gRPC (a long stream over balanced connections) and direct (standalone).
 */
export interface ReportTransport {
  /**
   * Resolves once every report of the batch is committed in the database. Several batches may be under way, and they
   * are committed in the order of the calls. @throws when it was not committed, or that is not known: send again.
   */
  deliver(batch: ReportBatch, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
