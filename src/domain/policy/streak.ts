import { failedStates, type RunId, type RunState } from '../run/run.ts';
import type { Instant } from '../time.ts';

/** How a run ended for good. */
export interface CountedEnd {
  readonly run: RunId;
  readonly state: RunState;
  readonly at: Instant;
}

/** A job's failures in a row: those that came after the last success, or after the count began. */
export interface Streak {
  /** Failures at or before it do not count. */
  readonly since: Instant;
  /** Oldest first. */
  readonly failures: readonly Pick<CountedEnd, 'run' | 'at'>[];
}

/** No job asks for more in a row. */
const mostCounted = 1_000;

/**
 * The streak once this end is known, too. Told twice, or in another order, it comes to the same. Killed and Skipped do
 * not count, and a lost run that is settled counts as it was settled.
 */
export function streakWith(streak: Streak, { run, state, at }: CountedEnd): Streak {
  const others = streak.failures.filter(one => one.run !== run);
  const since = state === 'Succeeded' ? Math.max(streak.since, at) : streak.since;
  const failures = failedStates.has(state) ? [...others, { run, at }] : others;
  const counted = failures.filter(one => one.at > since).sort((a, b) => a.at - b.at);
  return { since, failures: counted.slice(-mostCounted) };
}
