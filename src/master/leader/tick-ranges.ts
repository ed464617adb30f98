import type { TickRange } from '../../domain/policy/claiming.ts';
import { splitAfter } from '../../domain/policy/split.ts';
import type { Schedule } from '../../domain/schedule/index.ts';
import type { Instant } from '../../domain/time.ts';

export type { TickRange };
export { splitAfter };

/** Up to here a range's ticks are counted one by one: about 50 ms of work; beyond it the count is estimated from their density. */
const countedExactly = 10_000;

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

/** How many ticks a range holds. */
export function countOf(schedule: Schedule, range: TickRange): { readonly count: number; readonly exact: boolean } {
  let count = 1;
  let tick = range.from;
  while (tick < range.to && count < countedExactly) {
    tick = schedule.next(tick) ?? range.to;
    count++;
  }
  if (tick >= range.to) return { count, exact: true };
  const distance = (tick - range.from) / (count - 1);
  return { count: count + Math.round((range.to - tick) / distance), exact: false };
}

/** What is left of a range without some of its ticks, given in order. */
export function without(schedule: Schedule, range: TickRange, ticks: readonly Instant[]): TickRange[] {
  const left: TickRange[] = [];
  let rest: TickRange | undefined = range;
  for (const tick of ticks) {
    if (rest === undefined || tick < rest.from || tick > rest.to) continue;
    if (tick > rest.from) left.push({ from: rest.from, to: schedule.previous(tick) ?? rest.from });
    rest = tick < rest.to ? { from: schedule.next(tick) ?? rest.to, to: rest.to } : undefined;
  }
  if (rest !== undefined) left.push(rest);
  return left;
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
