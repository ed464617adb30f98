import type { Coordinator, SessionId } from '../../coordination/coordinator.ts';
import { triggerPath } from '../../coordination/keys.ts';
import { encode, type TriggerRecord } from '../../coordination/records.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import type { Clock } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { HeldRun } from './held-run.ts';

export interface HandBackOptions {
  readonly coordinator: Coordinator;
  readonly worker: WorkerId;
  readonly clock: Clock;
  /** Under what something can be handed back now. */
  readonly standing: () => { readonly session: SessionId; readonly epoch: number } | undefined;
  readonly logger: Logger;
}

/**
 * Makes a run that was provably never started a trigger for the same run and attempt, in the transaction that releases
 * its lock. False when that can't be: the run is lost then.
 */
export async function handBack(options: HandBackOptions, held: HeldRun): Promise<boolean> {
  const { coordinator, worker, clock, standing, logger } = options;
  const under = standing();
  const now = clock();
  if (under === undefined || under.session !== held.session || now > held.deadline) return false;
  const trigger: TriggerRecord = {
    v: 1,
    run: held.run,
    attempt: held.attempt,
    jobUid: held.entry.uid,
    kind: held.trigger,
    ...(held.tick !== undefined && { tick: held.tick }),
    deadline: held.deadline,
    requestedAt: now,
    epoch: under.epoch,
    by: `handed back by ${worker}`,
  };
  try {
    const answer = await coordinator.transact([
      { verb: 'unlock', key: held.lockKey, value: '', session: held.session },
      { verb: 'delete', key: held.lockKey },
      { verb: 'cas', key: triggerPath(held.entry.key, held.run), value: encode(trigger), index: 0 },
    ]);
    return answer.ok;
  } catch (error) {
    logger.warn({ err: error, run: held.run }, 'a run could not be handed back');
    return false;
  }
}
