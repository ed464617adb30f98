import type { Index, Operation } from '../../coordination/coordinator.ts';
import { cursorPath } from '../../coordination/keys.ts';
import { type CursorRecord, encode, type Gap } from '../../coordination/records.ts';
import { jobKey } from '../../domain/job/job.ts';
import { limitOf } from '../../domain/job/pause.ts';
import { countedWith } from '../../domain/policy/claiming.ts';
import type { Instant } from '../../domain/time.ts';
import type { JobSpell } from '../../store/store.ts';
import type { Office } from './office.ts';
import type { TickRange } from './tick-ranges.ts';

/** A cursor to be moved over undecided ticks, so that no worker can decide them any more. */
export interface Fence {
  readonly spell: JobSpell;
  readonly cursor: CursorRecord | undefined;
  readonly cursorIndex: Index;
  /** Undecided ticks after the cursor, in order; may be empty when only gaps are to be dropped. */
  readonly free: readonly TickRange[];
  /** Every tick up to here is in the database: gaps up to it are dropped. */
  readonly accountedUntil: Instant;
  /** Ticks that are to be run after all: they count for `maxRuns`. */
  readonly decided?: number;
}

/**
 * Moves cursors over undecided ticks and keeps these as gaps, before anything is decided about them. The gap stays
 * until the database has the decision: whatever fails in between, the ticks are found again and never claimed.
 * Gives for each fence whether it holds; one that does not was overtaken, and its job is to be read anew.
 */
export async function raiseFences(office: Office, fences: readonly Fence[]): Promise<boolean[]> {
  const operations = fences.map(
    (fence): Operation => ({
      verb: 'cas',
      key: cursorPath(jobKey(fence.spell)),
      value: encode(fenced(fence)),
      index: fence.cursorIndex,
    }),
  );
  const answers = await office.each(operations);
  return answers.map(answer => answer !== 'refused');
}

/** The cursor behind the fence. It never goes back: free ticks are later than the cursor's. */
export function fenced({ spell, cursor, free, accountedUntil, decided = 0 }: Fence): CursorRecord {
  const gaps: Gap[] = [...(cursor?.gaps ?? []).filter(gap => gap.to > accountedUntil), ...free];
  const last = free.at(-1);
  const { gaps: _, ...before } = cursor ?? { v: 1, uid: spell.uid, tick: spell.floor, decision: 'skip' };
  const moved: CursorRecord =
    last === undefined
      ? before
      : {
          v: 1,
          uid: spell.uid,
          tick: last.to,
          decision: 'skip',
          reason: 'Misfire',
          detail: 'found undecided when its time had passed; the leader decides',
        };
  const counted = countedWith(limitOf(spell), cursor?.counted, decided);
  return { ...moved, ...counted, ...(gaps.length > 0 && { gaps }) };
}
