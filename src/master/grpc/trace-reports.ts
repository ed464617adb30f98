import type { Tracing } from '../../observability/tracing.ts';
import type { ReportsListener } from './ingest.ts';

/** Adds to the traces of runs that have ended how long their report took, and the transaction that took it in. */
export function traceReports(tracing: Tracing, master: string): ReportsListener {
  return (worker, reports, commit) => {
    if (!tracing.enabled) return;
    for (const report of reports) {
      if (report.type !== 'finished') continue;
      const { run, attempt, at } = report;
      const attributes = { 'cronmesh.master': master, 'cronmesh.worker': worker };
      // Two clocks: a report never ends before it begins.
      tracing.record({ name: 'report', run, attempt, from: Math.min(at, commit.from), to: commit.to, attributes });
      tracing.record({
        name: 'commit',
        run,
        attempt,
        ...commit,
        attributes: { ...attributes, reports: reports.length },
      });
    }
  };
}
