import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface OperatorMetrics {
  readonly reconciles: Counter<'result'>;
  readonly reconcileSeconds: Histogram;
  readonly watchRestarts: Counter<'reason'>;
}

/** What is looked at with each scrape. */
export interface Observed {
  leading(): boolean;
  queueDepth(): number;
  resources(): { readonly ready: number; readonly unready: number };
}

/** Registers the operator's metrics; without a registry they are kept by nobody. */
export function operatorMetrics(observed: Observed, registry: Registry = new Registry()): OperatorMetrics {
  const registers = [registry];
  new Gauge({
    name: 'cronmesh_operator_queue_depth',
    help: 'Resources that wait to be reconciled',
    registers,
    collect() {
      this.set(observed.queueDepth());
    },
  });
  new Gauge({
    name: 'cronmesh_operator_resources',
    help: 'CronJob resources by whether they are ready, on the leader',
    labelNames: ['ready'],
    registers,
    collect() {
      const { ready, unready } = observed.resources();
      this.set({ ready: 'true' }, ready);
      this.set({ ready: 'false' }, unready);
    },
  });
  new Gauge({
    name: 'cronmesh_operator_leader',
    help: 'Whether this operator is the one that reconciles',
    registers,
    collect() {
      this.set(observed.leading() ? 1 : 0);
    },
  });
  return {
    reconciles: new Counter({
      name: 'cronmesh_operator_reconciles_total',
      help: 'Reconciles by result: done, retry (to be tried again for a reason in the resource), error',
      labelNames: ['result'],
      registers,
    }),
    reconcileSeconds: new Histogram({
      name: 'cronmesh_operator_reconcile_duration_seconds',
      help: 'How long a reconcile took',
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers,
    }),
    watchRestarts: new Counter({
      name: 'cronmesh_operator_watch_restarts_total',
      help: 'Watches that broke, by reason: gone (the version was too old), error',
      labelNames: ['reason'],
      registers,
    }),
  };
}
