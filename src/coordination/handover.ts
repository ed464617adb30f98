import type { Instant, Milliseconds } from '../domain/time.ts';
import type { Entry, Operation } from './coordinator.ts';
import { triggerPath } from './keys.ts';
import { jobOfLock } from './locks.ts';
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

/** A lock's value, when its run goes on without its worker. */
export type OutlivingLock = LockRecord & Required<Pick<LockRecord, 'outlives'>>;

/**
 * Asks for the adoption of the run whose lock `lockKey` is. Fails where that is asked for already; belongs into one
 * transaction with a check that nobody has adopted the run.
 */
export function askForAdoption(lockKey: string, lock: OutlivingLock, by: string, now: Instant): Operation {
  return { verb: 'cas', ...adoptionOf(lockKey, lock, by, now), index: 0 };
}

/** The trigger that asks for an adoption. */
export function adoptionOf(
  lockKey: string,
  lock: OutlivingLock,
  by: string,
  now: Instant,
): { readonly key: string; readonly value: string } {
  const { run, attempt, jobUid, trigger: kind, tick, dueAt, particulars, outlives } = lock;
  const { handovers, until, ...rest } = outlives;
  const trigger: TriggerRecord = {
    v: 1,
    run,
    attempt,
    jobUid,
    kind,
    ...(tick !== undefined && { tick }),
    ...(dueAt !== undefined && { dueAt }),
    ...(particulars !== undefined && { particulars }),
    deadline: until,
    requestedAt: now,
    // Of none.
    epoch: 0,
    adopts: { ...rest, handovers: handovers + 1, lock: lockKey },
    by,
  };
  return { key: triggerPath(jobOfLock(lockKey, lock), run), value: encode(trigger) };
}

/** Whether a lock is of a run that goes on without its worker. */
export function isOutliving(lock: LockRecord): lock is OutlivingLock {
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
