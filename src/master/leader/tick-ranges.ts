import type { TickRange } from '../../domain/policy/claiming.ts';
import { countOf, without } from '../../domain/policy/ranges.ts';
import { splitAfter } from '../../domain/policy/split.ts';
import type { Schedule } from '../../domain/schedule/index.ts';
import type { Instant } from '../../domain/time.ts';

export type { TickRange };
export { countOf, splitAfter, without };

/** Whether a tick lies in a range, both ends included. */
export function isIn(tick: Instant, { from, to }: TickRange): boolean {
  return from <= tick && tick <= to;
}

/** The stretches of `ticks` (all those of a stretch of time, in order) that are wanted. */
export function stretches(ticks: readonly Instant[], wanted: (tick: Instant) => boolean): TickRange[] {
  const found: TickRange[] = [];
  let from: Instant | undefined;
  let to = 0;
  for (const tick of ticks) {
    if (wanted(tick)) {
      from ??= tick;
      to = tick;
    } else if (from !== undefined) {
      found.push({ from, to });
      from = undefined;
    }
  }
  if (from !== undefined) found.push({ from, to });
  return found;
}

/** The last ticks of some ranges (in order), newest first, as long as they are allowed. */
export function lastTicks(
  schedule: Schedule,
  ranges: readonly TickRange[],
  most: number,
  allowed: (tick: Instant) => boolean,
): Instant[] {
  const found: Instant[] = [];
  for (const range of ranges.toReversed()) {
    let tick: Instant | undefined = range.to;
    while (tick !== undefined && tick >= range.from) {
      if (found.length >= most || !allowed(tick)) return found;
      found.push(tick);
      tick = schedule.previous(tick);
    }
  }
  return found;
}
