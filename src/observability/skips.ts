import { Counter, type Registry } from 'prom-client';
import { SkipReason } from '../domain/run/run.ts';
import { fromZero } from './registry.ts';

const name = 'cronmesh_skips_total';

/** Ticks without a run, by reason: one metric, whoever found it out, also where master and worker share a process. */
export function skipsCounter(registry: Registry): Counter<'reason'> {
  const known = registry.getSingleMetric(name);
  if (known instanceof Counter) return known;
  const counter = new Counter({
    name,
    help: 'Ticks without a run, by reason',
    labelNames: ['reason'],
    registers: [registry],
  });
  return fromZero(counter, 'reason', Object.values(SkipReason));
}
