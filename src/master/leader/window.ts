import type { Instant, Milliseconds } from '../../domain/time.ts';
import type { Watched } from './spell-agenda.ts';

/** Elapsed ticks of a spell that are audited at once. */
export interface Window {
  readonly watched: Watched;
  /** The window is (after, until]. */
  readonly after: Instant;
  readonly until: Instant;
  /** Every tick of the schedule in the window. */
  readonly ticks: readonly Instant[];
  /** Up to here ticks are due for audit; later than `until` when there were too many for one window. */
  readonly limit: Instant;
}

/** The next window of a spell with at most `most` ticks; undefined when nothing is due. */
export function windowOf(
  watched: Watched,
  now: Instant,
  auditAfter: Milliseconds,
  most: number,
  /** Later ticks of a spell that goes on are not due yet. */
  notAfter = Number.POSITIVE_INFINITY,
): Window | undefined {
  const { spell, schedule, accountedUntil: after } = watched;
  const limit = spell.until === undefined ? Math.min(now - auditAfter, notAfter) : Math.min(spell.until, now);
  if (limit <= after) return undefined;
  const ticks: Instant[] = [];
  let tick = schedule.next(after);
  while (tick !== undefined && tick <= limit && ticks.length < most) {
    ticks.push(tick);
    tick = schedule.next(tick);
  }
  const whole = tick === undefined || tick > limit;
  return { watched, after, ticks, limit, until: whole ? limit : (ticks.at(-1) ?? limit) };
}
