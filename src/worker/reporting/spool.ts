import type { Report } from '../../domain/run/report.ts';

/** The durable queue of reports on the worker's disk, before the masters have them. */
export interface Spool {
  /** The spool's own id, made when its folder was. */
  readonly id: string;
  /** Resolves when the reports are on disk (fsync, many calls share one). Order is the order of calls. @throws when the disk is full: nothing of them is kept */
  append(reports: readonly Report[]): Promise<void>;
  /** Up to `limit` unacknowledged reports from `from` on, with consecutive sequences; waits for the first. */
  read(
    from: number,
    limit: number,
    signal: AbortSignal,
  ): Promise<{ readonly first: number; readonly reports: readonly Report[] }>;
  /** Every report up to and including `sequence` is committed: its space is given back. */
  acknowledge(sequence: number): Promise<void>;
  /** The first sequence that is not acknowledged. */
  readonly firstUnacknowledged: number;
  /** Reports not yet acknowledged. */
  readonly depth: number;
  close(): Promise<void>;
}
