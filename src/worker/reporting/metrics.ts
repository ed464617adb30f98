import { Counter, type Registry } from 'prom-client';
import { fromZero, observedGauge } from '../../observability/registry.ts';
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
  fromZero(reports, 'result', ['delivered', 'retried']);
  observedGauge(
    registry,
    'cronmesh_spool_depth',
    'Reports on disk that no master has committed yet.',
    () => spool.depth,
  );
  return {
    onDelivered: (count: number): void => reports.inc({ result: 'delivered' }, count),
    onRetry: (): void => reports.inc({ result: 'retried' }),
  };
}
