import type { CursorRecord, LockRecord } from '../../coordination/records.ts';
import type { Instant, Milliseconds } from '../../domain/time.ts';
import { isIn, stretches, type TickRange } from './tick-ranges.ts';
import type { Window } from './window.ts';

/** What coordination shows of a job, read at one time. */
export interface Evidence {
  readonly cursor?: CursorRecord;
  /** The run that holds the exclusive slot, by a living session. */
  readonly holder?: LockRecord;
  /** Ticks of which the database knows some runs and not the others: they were decided, whatever the cursor says. */
  readonly begun?: ReadonlySet<Instant>;
}

export interface JudgeContext {
  readonly now: Instant;
  /** Without a report for this long a decided tick is suspected to be lost … */
  readonly lostAfter: Milliseconds;
  /** … but not before this: a new leader gives workers' spools time. */
  readonly lostFrom: Instant;
  /** Workers' cursors say nothing of ticks at or before it, unless they were written before it too. */
  readonly epochFloor: Instant;
  /** Consul lost its past: what cursors said of ticks at or before it is gone. 0 when it never did. */
  readonly certainAfter: Instant;
  /** Until when reports about those ticks are waited for. */
  readonly uncertainUntil: Instant;
  /** Ticks in it may have been claimed just before Consul lost its past. */
  readonly lostPast?: TickRange;
}

/** What became of the ticks of a window that the database does not know. */
export interface Verdict {
  /** Nothing was decided, and nothing can be any more or is to be waited for: the misfire policy's. In order. */
  readonly undecided: readonly TickRange[];
  /** Of all undecided ticks, waiting ones included, those that the cursor has not passed: the fence goes round them. */
  readonly free: readonly TickRange[];
  /** Skipped by whoever wrote the cursor. */
  readonly skipped?: TickRange;
  /** Decided long ago, and no report: lost, unless a lock or a trigger says otherwise. */
  readonly suspects: readonly Instant[];
  /** Perhaps claimed in a past that Consul lost. */
  readonly lost: readonly Instant[];
  /** The first tick that can't be settled yet. */
  readonly waiting?: Instant;
}

/** Judges the `missing` ticks of a window. */
export function judge(window: Window, missing: ReadonlySet<Instant>, seen: Evidence, context: JudgeContext): Verdict {
  const undecided = new Set<Instant>();
  const free = new Set<Instant>();
  const suspects: Instant[] = [];
  const lost: Instant[] = [];
  let skipped: TickRange | undefined;
  let waiting: Instant | undefined;
  const wait = (tick: Instant): void => {
    waiting = Math.min(waiting ?? tick, tick);
  };
  const ended = window.watched.spell.until !== undefined;
  for (const tick of missing) {
    const state = seen.begun?.has(tick) ? 'decided' : stateOf(tick, seen.cursor, context.epochFloor);
    if (state === 'skipped') {
      skipped = { from: seen.cursor?.from ?? tick, to: seen.cursor?.tick ?? tick };
    } else if (state === 'decided') {
      const due = context.now >= tick + context.lostAfter && context.now >= context.lostFrom;
      if (due) suspects.push(tick);
      else wait(tick);
    } else {
      if (state === 'free') free.add(tick);
      // What a cursor jumped was not claimed, whatever else was lost.
      const uncertain = state !== 'gap' && tick <= context.certainAfter;
      if (uncertain && context.now < context.uncertainUntil) wait(tick);
      else if (uncertain && context.lostPast !== undefined && isIn(tick, context.lostPast)) lost.push(tick);
      else if (state === 'free' && seen.holder !== undefined && !ended) wait(tick);
      else undecided.add(tick);
    }
  }
  return {
    undecided: stretches(window.ticks, tick => undecided.has(tick)),
    free: stretches(window.ticks, tick => free.has(tick)),
    suspects,
    lost,
    ...(skipped !== undefined && { skipped }),
    ...(waiting !== undefined && { waiting }),
  };
}

/**
 * `free`: the cursor has not come to it; `gap`: the cursor jumped it; `skipped` and `decided`: by the cursor; `forgotten`:
 * before the epoch, and the cursor began after it.
 */
function stateOf(
  tick: Instant,
  cursor: CursorRecord | undefined,
  epochFloor: Instant,
): 'free' | 'gap' | 'skipped' | 'decided' | 'forgotten' {
  if (cursor === undefined || cursor.tick < tick) return 'free';
  if (cursor.gaps?.some(gap => isIn(tick, gap))) return 'gap';
  if (cursor.decision === 'skip' && (cursor.from ?? cursor.tick) <= tick) return 'skipped';
  return tick <= epochFloor && isAfter(cursor, epochFloor) ? 'forgotten' : 'decided';
}

/** Whether a cursor was written under an epoch with this floor: ticks at or before it are not claimed under it. */
export function isAfter(cursor: CursorRecord | undefined, epochFloor: Instant): boolean {
  return cursor !== undefined && cursor.tick > epochFloor;
}
