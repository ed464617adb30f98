import type { ReportBatch } from '../../domain/run/report.ts';
import type { ReportTransport } from './transport.ts';

/**
 * Delivers batches to an ingest in the same process (standalone). `ingest` resolves when the batch is committed and
 * keeps the order of its calls.
 *
 * @example directTransport(batch => ingest.ingest(batch))
 */
export function directTransport(ingest: (batch: ReportBatch) => Promise<void>): ReportTransport {
  return {
    async deliver(batch, signal) {
      signal.throwIfAborted();
      await ingest(batch);
    },
    close: async () => {},
  };
}
