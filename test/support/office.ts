import type { Coordinator, Operation } from '../../src/coordination/coordinator.ts';
import { leaderMetrics } from '../../src/master/leader/metrics.ts';
import { Office } from '../../src/master/leader/office.ts';
import { leaderTiming } from '../../src/master/leader/timing.ts';
import { silentLogger } from '../../src/observability/logger.ts';
import type { Store } from '../../src/store/store.ts';

/** The office of a leader whose lock nobody disputes. */
export function testOffice(coordinator: Coordinator, store: Store): Office {
  const lockKey = 'cron/leader/nobody';
  const guard: Operation = { verb: 'check-not-exists', key: lockKey };
  const signal = new AbortController().signal;
  return new Office({
    coordinator,
    store,
    leadership: { role: 'scheduler', session: 's', lockKey, term: 1, signal, valid: true, guard },
    clock: Date.now,
    timing: leaderTiming,
    logger: silentLogger,
    metrics: leaderMetrics(undefined),
  });
}
