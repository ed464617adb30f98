import type { Schedule } from '../schedule/index.ts';
import type { Instant } from '../time.ts';
import type { TickRange } from './claiming.ts';

/** Up to here a range's ticks are counted one by one: about 50 ms of work; beyond it the count is estimated from their density. */
const countedExactly = 10_000;

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
  return withoutRanges(
    schedule,
    range,
    ticks.map(tick => ({ from: tick, to: tick })),
  );
}

/** What is left of a range without some others, given in the order of their beginnings. */
export function withoutRanges(schedule: Schedule, range: TickRange, holes: readonly TickRange[]): TickRange[] {
  const left: TickRange[] = [];
  let rest: TickRange | undefined = range;
  for (const { from, to } of holes) {
    if (rest === undefined || to < rest.from || from > rest.to) continue;
    if (from > rest.from) left.push({ from: rest.from, to: schedule.previous(from) ?? rest.from });
    rest = to < rest.to ? { from: schedule.next(to) ?? rest.to, to: rest.to } : undefined;
  }
  if (rest !== undefined) left.push(rest);
  return left;
}
