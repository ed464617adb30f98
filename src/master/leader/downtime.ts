import type { Instant } from '../../domain/time.ts';
import type { Store, StoredEpoch } from '../../store/store.ts';
import type { WorkerView } from '../services/workers.ts';
import type { TickRange } from './tick-ranges.ts';

/** Runs looked at for the newest claim: ticks of one moment are claimed within seconds of one another. */
const looked = 200;

/**
 * When nothing of the cluster was running: from the last sign of life (a leader's beat, a claim) to the first after it
 * (this process, or a worker that is older). Undefined when there was no such time.
 */
export async function findDowntime(
  store: Store,
  stored: StoredEpoch | undefined,
  bornAt: Instant,
  workers: readonly WorkerView[],
): Promise<TickRange | undefined> {
  if (stored === undefined || stored.at >= bornAt) return undefined;
  const to = Math.min(bornAt, ...workers.map(worker => worker.startedAt ?? bornAt));
  const { items } = await store.listRuns({ since: stored.at, until: bornAt, limit: looked });
  const claims = items.map(run => run.claimedAt ?? 0).filter(at => at < to);
  const from = Math.max(stored.at, ...claims);
  return from < to ? { from, to } : undefined;
}
