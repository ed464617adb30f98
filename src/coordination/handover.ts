import type { JobKey } from '../domain/job/job.ts';
import type { Instant, Milliseconds } from '../domain/time.ts';
import type { Entry, Operation } from './coordinator.ts';
import { triggerPath } from './keys.ts';
import { encode, type LockRecord, type TriggerRecord } from './records.ts';

/**
 * Handing over runs that go on without their worker (kubernetes). The run's lock stays where it is, without a session:
 * it counts as held, so that nothing starts beside the run. Its trigger asks any worker to adopt the run, and never to
 * start it, so that writing it once too often does no harm.
 */

/** Beyond its time-out, for how long a run may wait to be adopted: it has ended by then, and its result can be read. */
const margin: Milliseconds = 600_000;

/** The latest instant at which a run is worth adopting that starts at `start` or before. */
export function adoptableUntil(start: Instant, timeout: Milliseconds): Instant {
  return start + timeout + margin;
}

/** Asks for the adoption of the run that has a lock. Fails where that is asked for already. */
export function askForAdoption(
  job: JobKey,
  lock: Pick<LockRecord, 'run' | 'attempt' | 'jobUid' | 'trigger' | 'tick'> & Required<Pick<LockRecord, 'outlives'>>,
  by: string,
  now: Instant,
): Operation {
  const { run, attempt, jobUid, trigger: kind, tick, outlives } = lock;
  const trigger: TriggerRecord = {
    v: 1,
    run,
    attempt,
    jobUid,
    kind,
    ...(tick !== undefined && { tick }),
    deadline: outlives.until,
    requestedAt: now,
    // Of none.
    epoch: 0,
    handovers: outlives.handovers + 1,
    by,
  };
  return { verb: 'cas', key: triggerPath(job, run), value: encode(trigger), index: 0 };
}

/** Whether a lock is of a run that goes on without its worker. */
export function isOutliving(lock: LockRecord): lock is LockRecord & Required<Pick<LockRecord, 'outlives'>> {
  return lock.outlives !== undefined;
}

/** Whether a lock counts as held: by its session, or by a run that goes on without one. */
export function isHeld(lock: { readonly session?: string | undefined; readonly record: LockRecord }): boolean {
  return lock.session !== undefined || isOutliving(lock.record);
}

/** A lock lets go of its session and stays as it is. */
export function letGo({ key, value, index }: Entry, session: string): readonly Operation[] {
  return [
    { verb: 'check-index', key, index },
    { verb: 'unlock', key, value, session },
  ];
}
