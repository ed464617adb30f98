import type { RunId } from '../run/run.ts';
import type { Instant } from '../time.ts';

/** What decides which of two runs of a job is the earlier one. */
export interface Placed {
  readonly run: RunId;
  readonly tick?: Instant | undefined;
  /** Without a tick, when it was due, whatever attempt this is. */
  readonly dueAt?: Instant | undefined;
}

/** The instant that a run is for: its tick or, without one, when it was due. */
export function placeOf({ tick, dueAt }: Placed): Instant {
  return tick ?? dueAt ?? 0;
}

/**
 * Negative when `a` is the earlier of two runs of a job: the one that a queue starts first, and that Replace gives up for
 * the other. Never 0 for two runs.
 *
 * @example [{ run: b, tick: 2 }, { run: a, tick: 1 }].sort(byPlace) // a, b
 */
export function byPlace(a: Placed, b: Placed): number {
  return placeOf(a) - placeOf(b) || (a.run < b.run ? -1 : a.run > b.run ? 1 : 0);
}

/** Of the waiting runs of a job the one that may start next: with Queue the earliest, with Replace the latest. */
export function nextOf<T extends Placed>(waiting: readonly T[], policy: 'Queue' | 'Replace'): T | undefined {
  const first = (a: T, b: T): T => (byPlace(a, b) < 0 === (policy === 'Queue') ? a : b);
  return waiting.length === 0 ? undefined : waiting.reduce(first);
}
