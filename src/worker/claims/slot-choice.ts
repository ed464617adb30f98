import { isHeld } from '../../coordination/handover.ts';
import { lockPath } from '../../coordination/keys.ts';
import { freeSlot } from '../../domain/policy/claiming.ts';
import type { RunId } from '../../domain/run/run.ts';
import type { JobEntry } from '../agenda/entry.ts';
import type { Seen } from './seen.ts';
import type { Slots } from './slots.ts';

/**
 * The key of a lock that seems to be free for a run: the run's own where there is no maximum, else that of the lowest
 * free slot. Undefined when all are held.
 *
 * A run that is adopted takes the lock that was left for it.
 *
 * `insist`: a slot that could not be locked a moment ago is tried again where nothing is seen of a lock.
 */
export function freeLock(
  entry: JobEntry,
  run: RunId,
  seen: Seen | undefined,
  slots: Slots,
  insist: boolean,
): string | undefined {
  if (entry.slots === undefined) {
    const key = lockPath(entry.key, run);
    return slots.has(key) ? undefined : key;
  }
  const left = seen?.locks.findIndex(lock => lock?.record.run === run && lock.session === undefined) ?? -1;
  if (left >= 0) {
    const key = lockPath(entry.key, left);
    return slots.has(key) ? undefined : key;
  }
  const slot = freeSlot(entry.slots, candidate => {
    const key = lockPath(entry.key, candidate);
    const lock = seen?.locks[candidate];
    if (slots.has(key) || (lock !== undefined && isHeld(lock))) return true;
    // It looks free but could not be locked: most likely its lock delay has not passed.
    return slots.isAvoided(key) && (lock !== undefined || !insist);
  });
  return slot === undefined ? undefined : lockPath(entry.key, slot);
}

/** The number of a slot's lock; undefined for a lock that is a run's own. */
export function slotOf(entry: JobEntry, lockKey: string): number | undefined {
  return entry.slots === undefined ? undefined : Number(lockKey.slice(lockKey.lastIndexOf('/') + 1));
}
