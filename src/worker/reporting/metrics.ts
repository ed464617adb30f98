import { Counter, Gauge, type Registry } from 'prom-client';
import type { Spool } from './spool.ts';

/** Counts what becomes of reports, and shows how many wait on disk. Gives the reporter's hooks. */
export function reportMetrics(registry: Registry, spool: Pick<Spool, 'depth'>) {
  const registers = [registry];
  const reports = new Counter({
    name: 'cronmesh_reports_total',
    help: 'Reports by result: delivered (committed by a master), or retried (a delivery that failed and is repeated).',
    labelNames: ['result'],
    registers,
  });
  new Gauge({
    name: 'cronmesh_spool_depth',
    help: 'Reports on disk that no master has committed yet.',
    registers,
    collect() {
      this.set(spool.depth);
    },
  });
  return {
    onDelivered: (count: number): void => reports.inc({ result: 'delivered' }, count),
    onRetry: (): void => reports.inc({ result: 'retried' }),
  };
}
