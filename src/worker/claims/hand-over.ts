import type { Coordinator, Entry, Operation } from '../../coordination/coordinator.ts';
import { adoptionOf, askForAdoption, isOutliving, letGo, type OutlivingLock } from '../../coordination/handover.ts';
import { pause } from '../../coordination/pause.ts';
import { decode, type LockRecord } from '../../coordination/records.ts';
import { backoffDelay } from '../../domain/backoff.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import type { Clock } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import { type HeldRun, lockRecord } from './held-run.ts';
import { unchanged } from './slot-choice.ts';

export interface HandOverOptions {
  readonly coordinator: Coordinator;
  readonly worker: WorkerId;
  readonly clock: Clock;
  /** Ends the tries. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** Between tries: Consul is away. */
const retry = { initial: 100, maximum: 1_000, factor: 2 } as const;

/**
 * Asks the other workers to adopt a run that goes on without this one (kubernetes), in the transaction that lets go of
 * its lock. Neither a session nor an epoch is needed for that. Goes on trying until it is done, or somebody else has
 * seen to it: where the worker is gone before, the leader finds the lock without a session.
 */
export async function handOver(options: HandOverOptions, held: HeldRun): Promise<void> {
  const { worker, signal, logger } = options;
  const record = lockRecord(held, worker, held.since);
  if (!isOutliving(record)) return;
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      if (await tryOnce(options, held, record)) return;
    } catch (error) {
      logger.warn({ err: error, run: held.run, attempt }, 'a run could not be handed over yet');
    }
    await pause(backoffDelay(retry, attempt, Math.random()), signal);
  }
}

/** Whether the run is in good hands. @throws CoordinationError */
async function tryOnce(options: HandOverOptions, held: HeldRun, record: OutlivingLock): Promise<boolean> {
  const { coordinator } = options;
  const lock = await coordinator.get(held.lockKey, { consistent: true });
  const isOfRun = lock !== undefined && runOf(lock) === held.run;
  // Another worker has adopted it.
  if (isOfRun && lock.session !== undefined && lock.session !== held.session) return true;
  if ((await coordinator.transact(operationsFor(options, held, record, lock, isOfRun))).ok) return true;
  if (isOfRun && lock.session !== undefined) return false;
  // Where the lock is as it was, it is asked for already: by an earlier try, or by the one who let go of the lock.
  return (await coordinator.get(held.lockKey, { consistent: true }))?.index === lock?.index;
}

function operationsFor(
  { worker, clock }: HandOverOptions,
  held: HeldRun,
  record: OutlivingLock,
  lock: Entry | undefined,
  isOfRun: boolean,
): readonly Operation[] {
  const by = `handed over by ${worker}`;
  if (isOfRun && lock?.session !== undefined) {
    // Nobody else can have adopted it meanwhile: whatever is asked of an earlier handing over is out of date.
    return [...letGo(lock, lock.session), { verb: 'set', ...adoptionOf(held.lockKey, record, by, clock()) }];
  }
  // Gone with Consul's past, or another's by now: then whoever adopts the run waits for that one's end.
  return [unchanged(held.lockKey, lock), askForAdoption(held.lockKey, record, by, clock())];
}

function runOf(lock: Entry): string | undefined {
  try {
    return decode<LockRecord>(lock).run;
  } catch {
    return undefined;
  }
}
