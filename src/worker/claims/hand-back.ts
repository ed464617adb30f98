import type { Coordinator, Operation, SessionId } from '../../coordination/coordinator.ts';
import { triggerPath } from '../../coordination/keys.ts';
import { pause } from '../../coordination/pause.ts';
import { encode, type TriggerRecord } from '../../coordination/records.ts';
import { backoffDelay } from '../../domain/backoff.ts';
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
  /** Ends the tries. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** Between tries. */
const retry = { initial: 100, maximum: 1_000, factor: 2 } as const;

/**
 * Makes a run that was provably never started a trigger for the same run and attempt, in the transaction that releases
 * its lock. False when that can't be: the run is lost then.
 */
export async function handBack(options: HandBackOptions, held: HeldRun): Promise<boolean> {
  const { standing, clock, signal, logger } = options;
  for (let attempt = 0; ; attempt++) {
    const under = standing();
    if (under?.session !== held.session || clock() > held.deadline || signal.aborted) return false;
    try {
      // Whether an earlier try was carried out after all, the lock tells: nobody else takes it away.
      if (attempt > 0 && !(await isHeld(options, held))) return true;
      if ((await options.coordinator.transact(operationsFor(options, held, under.epoch))).ok) return true;
      return attempt > 0 && !(await isHeld(options, held));
    } catch (error) {
      logger.warn({ err: error, run: held.run, attempt }, 'a run could not be handed back yet');
      await pause(backoffDelay(retry, attempt, Math.random()), signal);
    }
  }
}

async function isHeld({ coordinator }: HandBackOptions, { lockKey, index }: HeldRun): Promise<boolean> {
  return (await coordinator.get(lockKey, { consistent: true }))?.index === index;
}

function operationsFor({ worker, clock }: HandBackOptions, held: HeldRun, epoch: number): readonly Operation[] {
  const trigger: TriggerRecord = {
    v: 1,
    run: held.run,
    attempt: held.attempt,
    jobUid: held.entry.uid,
    kind: held.trigger,
    ...(held.tick !== undefined && { tick: held.tick }),
    ...(held.dueAt !== undefined && { dueAt: held.dueAt }),
    ...(held.particulars !== undefined && { particulars: held.particulars }),
    deadline: held.deadline,
    requestedAt: clock(),
    epoch,
    by: `handed back by ${worker}`,
  };
  return [
    // The slot's next run may have the same session: what comes late must not take its lock away.
    { verb: 'check-index', key: held.lockKey, index: held.index },
    { verb: 'unlock', key: held.lockKey, value: '', session: held.session },
    { verb: 'delete', key: held.lockKey },
    { verb: 'cas', key: triggerPath(held.entry.key, held.run), value: encode(trigger), index: 0 },
  ];
}
