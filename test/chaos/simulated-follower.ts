import type { Execution } from '../../src/worker/executors/executor.ts';
import type { AttemptResult, StartRequest } from '../../src/worker/supervisor/protocol.ts';
import type { ObservedStart } from './history.ts';
import type { Random } from './random.ts';
import type { SimulatedPods } from './simulated-pods.ts';

const lookEvery = 100;

/** What the kubernetes executor does with an attempt, on simulated pods: creates or adopts its Job, and follows it. */
export function follow(
  pods: SimulatedPods,
  request: StartRequest,
  observed: ObservedStart,
  random: Random,
  duration: number,
  started: () => void,
): Execution {
  const result = Promise.withResolvers<AttemptResult>();
  let state: 'open' | 'ending' | 'over' = 'open';
  let reason: 'killed' | 'timeout' | 'lost' | undefined;
  const isOver = (): boolean => state === 'over';
  const finish = (how: AttemptResult): void => {
    state = 'over';
    result.resolve(how);
  };
  const look = (): void => {
    if (state === 'over') return;
    const job = pods.find(request);
    if (reason !== undefined) {
      if (job !== undefined) pods.delete(job);
      finish({ outcome: reason === 'timeout' ? 'TimedOut' : 'Killed', message: reason });
    } else if (job === undefined) {
      if (request.handovers > 0) finish({ outcome: 'Lost', message: 'its Job was not found' });
      else if (request.atOnce === undefined || pods.living(request) < request.atOnce) {
        observed.at = Date.now();
        pods.create(request, observed, duration);
        started();
      }
    } else if (job.observed.endedAt !== undefined) {
      finish(job.deleted ? { outcome: 'Killed', message: 'its Job was deleted' } : { outcome: 'Succeeded' });
    }
    if (!isOver()) setTimeout(look, lookEvery);
  };
  if (request.handovers > 0) pods.adopted++;
  setTimeout(look, random.between(1, 40));
  return {
    result: result.promise,
    end: ({ kind }) => {
      if (state === 'open') state = 'ending';
      reason ??= kind;
    },
    detach: async () => {
      await new Promise(resolve => setTimeout(resolve, random.between(1, 10)));
      if (state !== 'open') return false;
      state = 'over';
      return true;
    },
  };
}
