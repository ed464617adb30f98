import type { Index, Operation } from '../../coordination/coordinator.ts';
import { isHeld } from '../../coordination/handover.ts';
import { isGroupLock, lockPath } from '../../coordination/keys.ts';
import { slotPath } from '../../coordination/locks.ts';
import { freeSlot } from '../../domain/policy/claiming.ts';
import type { RunId } from '../../domain/run/run.ts';
import type { JobEntry } from '../agenda/entry.ts';
import type { Seen } from './seen.ts';
import type { Slots } from './slots.ts';

/**
 * The key of a lock that seems to be free for a run: the run's own where there is no maximum, else that of the lowest
 * free slot. Undefined when all are held.
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
  const slot = freeSlot(entry.slots, candidate => {
    const key = slotPath(entry.key, entry.group, candidate);
    const lock = seen?.locks[candidate];
    if (slots.has(key) || (lock !== undefined && isHeld(lock))) return true;
    // It looks free but could not be locked: most likely its lock delay has not passed.
    return slots.isAvoided(key) && (lock !== undefined || !insist);
  });
  return slot === undefined ? undefined : slotPath(entry.key, entry.group, slot);
}

/**
 * What a claim of the slot must check besides. The lock of a run that was let go of since `seen` counts as held, and yet
 * Consul would give it away: where there can be such runs the slot must be as it was seen.
 */
export function asSeen(entry: JobEntry, lockKey: string, seen: Seen | undefined): Operation | undefined {
  const slot = slotOf(entry, lockKey);
  // In a group there may be, whatever this job is.
  const mayStay = entry.outlivesWorker || entry.group !== undefined;
  return slot === undefined || !mayStay ? undefined : unchanged(lockKey, seen?.locks[slot]);
}

/** Holds where a key is as it was read. */
export function unchanged(key: string, read: { readonly index: Index } | undefined): Operation {
  return read === undefined ? { verb: 'check-not-exists', key } : { verb: 'check-index', key, index: read.index };
}

/** The number of a slot's lock; undefined for a lock that is a run's own. */
export function slotOf(entry: JobEntry, lockKey: string): number | undefined {
  if (entry.slots === undefined) return undefined;
  return isGroupLock(lockKey) ? 0 : Number(lockKey.slice(lockKey.lastIndexOf('/') + 1));
}
