import type { Entry, SessionId } from '../../coordination/coordinator.ts';
import { askForAdoption, isOutliving, letGo } from '../../coordination/handover.ts';
import { triggerPath } from '../../coordination/keys.ts';
import { pause } from '../../coordination/pause.ts';
import { decode, type LockRecord } from '../../coordination/records.ts';
import { backoffDelay } from '../../domain/backoff.ts';
import type { HandBackOptions } from './hand-back.ts';
import { type HeldRun, lockRecord } from './held-run.ts';

/** Between tries: Consul is away, or the worker has no session. */
const retry = { initial: 100, maximum: 1_000, factor: 2 } as const;

/**
 * Asks the other workers to adopt a run that goes on without this one (kubernetes), in the transaction that lets go of
 * its lock. Goes on trying until it is done, or somebody else has seen to it: where the worker is gone before, the
 * leader finds the lock without a session.
 */
export async function handOver(options: HandBackOptions, held: HeldRun): Promise<void> {
  const { standing, signal, logger } = options;
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      const under = standing();
      if (under !== undefined && (await tryOnce(options, held, under.session))) return;
    } catch (error) {
      logger.warn({ err: error, run: held.run, attempt }, 'a run could not be handed over yet');
    }
    await pause(backoffDelay(retry, attempt, Math.random()), signal);
  }
}

/** Whether the run is in good hands. @throws CoordinationError */
async function tryOnce(options: HandBackOptions, held: HeldRun, session: SessionId): Promise<boolean> {
  const { coordinator, worker, clock } = options;
  const record = lockRecord(held, worker);
  if (!isOutliving(record)) return true;
  const lock = await coordinator.get(held.lockKey, { consistent: true });
  const own = lock !== undefined && lock.index === held.index;
  // Another worker has adopted it.
  if (lock !== undefined && !own && lock.session !== undefined && runOf(lock) === held.run) return true;
  const lettingGo = own && lock.session === session ? letGo(lock, session) : [];
  const ask = askForAdoption(held.entry.key, record, `handed over by ${worker}`, clock());
  if ((await coordinator.transact([...lettingGo, ask])).ok) return true;
  // It waits already.
  return (await coordinator.get(triggerPath(held.entry.key, held.run), { consistent: true })) !== undefined && !own;
}

function runOf(lock: Entry): string | undefined {
  try {
    return decode<LockRecord>(lock).run;
  } catch {
    return undefined;
  }
}
