import { CronmeshError, ErrorCode } from '../../domain/errors.ts';
import type { Report } from '../../domain/run/report.ts';
import type { WorkerId } from '../../domain/run/run.ts';

/** What one read gives: reports of one process with consecutive sequences. */
export interface SpooledReports {
  readonly first: number;
  readonly reports: readonly Report[];
  /** The process that wrote them, which may be a former one; absent where that is not known. */
  readonly worker?: WorkerId;
}

/** The durable queue of reports on the worker's disk, before the masters have them. */
export interface Spool {
  /** The spool's own id, made when its folder was. */
  readonly id: string;
  /**
   * Resolves when the reports are on disk (fsync, many calls share one). Order is the order of calls.
   * @throws SpoolFullError when there is no room: nothing of them is kept, and later calls work again when there is
   */
  append(reports: readonly Report[]): Promise<void>;
  /** Up to `limit` unacknowledged reports from `from` on, with consecutive sequences; waits for the first. One reader at a time. */
  read(from: number, limit: number, signal: AbortSignal): Promise<SpooledReports>;
  /** Every report up to and including `sequence` is committed: its space is given back. */
  acknowledge(sequence: number): Promise<void>;
  /** The first sequence that is not acknowledged. */
  readonly firstUnacknowledged: number;
  /** Reports not yet acknowledged. */
  readonly depth: number;
  close(): Promise<void>;
}

/**
 * No room for these reports: the spool's own limit is reached, or the disk is full. What to do depends on them:
 * `output` alone may be dropped (count the lines, and say so in the run's next output); anything else must be kept in
 * memory and appended again, with no new claims until that worked. The last tenth of the spool is kept free of
 * output, so that facts still fit when output no longer does.
 */
export class SpoolFullError extends CronmeshError {
  override readonly name = 'SpoolFullError';
  /** Which room is used up: `maxBytes` of the spool, or the volume's. */
  readonly limit: 'spool' | 'disk';
  constructor(limit: 'spool' | 'disk', message: string, cause?: unknown) {
    super(ErrorCode.Unavailable, message, { retryable: true, cause });
    this.limit = limit;
  }
}

/** A report too large to be sent to any master: `output` must be split before. */
export class ReportTooLargeError extends CronmeshError {
  override readonly name = 'ReportTooLargeError';
  constructor(bytes: number) {
    super(
      ErrorCode.InvalidInput,
      `a report of ${bytes} bytes is over the ${maxReportBytes} that fit into a message: split it`,
    );
  }
}

/** Largest report, encoded, in bytes: a quarter of what a gRPC message may hold. */
export const maxReportBytes = 1024 * 1024;
