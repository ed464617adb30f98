import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { fromZero, observedGauge } from '../observability/registry.ts';

/** What is looked at with each scrape. */
export interface ObservedMaster {
  readonly ready: () => boolean;
  /** As the catalog shows them. */
  readonly workers: () => readonly { readonly ready: boolean }[];
}

/** Registers what every master shows, leader or not. Gives the hooks of the ingest. */
export function masterMetrics(registry: Registry, observed: ObservedMaster) {
  const registers = [registry];
  observedGauge(registry, 'cronmesh_master_ready', 'Whether this master can do its work, as /readyz says', () =>
    observed.ready() ? 1 : 0,
  );
  new Gauge({
    name: 'cronmesh_workers',
    help: 'Workers in the catalog by state (ready, unready), as this master saw it last',
    labelNames: ['state'],
    registers,
    collect() {
      const workers = observed.workers();
      const ready = workers.filter(worker => worker.ready).length;
      this.set({ state: 'ready' }, ready);
      this.set({ state: 'unready' }, workers.length - ready);
    },
  });
  const reports = new Counter({
    name: 'cronmesh_reports_ingested_total',
    help: 'Reports of workers by result: committed to the database, or dropped because it can never take them',
    labelNames: ['result'],
    registers,
  });
  fromZero(reports, 'result', ['committed', 'dropped']);
  const commits = new Histogram({
    name: 'cronmesh_report_commit_duration_seconds',
    help: 'How long the commit of a batch of reports took',
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  return {
    onCommit: (commit: { readonly reports: number; readonly seconds: number }): void => {
      reports.inc({ result: 'committed' }, commit.reports);
      commits.observe(commit.seconds);
    },
    onDropped: (): void => reports.inc({ result: 'dropped' }),
  };
}
