import type { JobUid } from '../../src/domain/job/job.ts';
import type { Report, ReportBatch } from '../../src/domain/run/report.ts';
import type { RunId, WorkerId } from '../../src/domain/run/run.ts';
import type { RunClaim } from '../../src/store/store.ts';

/** `finished` reports of different runs, numbered from `first` on by their `at`. */
export function someReports(first: number, count: number): Report[] {
  return Array.from({ length: count }, (_, index) => ({
    type: 'finished',
    run: `abc-${first + index}` as RunId,
    attempt: 1,
    jobUid: 'abc' as JobUid,
    namespace: 'default',
    name: 'x',
    trigger: 'tick',
    at: first + index,
    outcome: 'Succeeded',
  }));
}

/** A batch whose reports are numbered as its sequences. */
export function someBatch(first: number, count: number, worker = 'worker-1'): ReportBatch {
  return { worker: worker as WorkerId, spool: `spool of ${worker}`, first, reports: someReports(first, count) };
}

/** Keeps what was applied, in order; `before` runs inside each transaction and may throw. */
export class RecordingStore {
  readonly applied: { readonly worker: WorkerId; readonly reports: readonly Report[] }[] = [];
  before: (worker: WorkerId, reports: readonly Report[]) => Promise<void> | void = () => {};

  async applyReports(worker: WorkerId, reports: readonly Report[]): Promise<void> {
    await this.before(worker, reports);
    this.applied.push({ worker, reports });
  }

  async runClaims(): Promise<ReadonlyMap<RunId, RunClaim>> {
    return new Map();
  }

  /** The numbers of all reports that were applied, in order. */
  numbers(worker?: string): number[] {
    return this.applied
      .filter(one => worker === undefined || one.worker === worker)
      .flatMap(one => one.reports.map(report => report.at));
  }
}

/** A promise to be settled from outside, for holding a transaction. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}
