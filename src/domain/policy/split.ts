import type { Instant } from '../time.ts';
import type { TickRange, TickSource } from './claiming.ts';

/** The ticks of a range at or before an instant, and those after it. */
export function splitAfter(
  schedule: TickSource,
  range: TickRange,
  instant: Instant,
): { readonly before?: TickRange; readonly after?: TickRange } {
  if (range.to <= instant) return { before: range };
  if (range.from > instant) return { after: range };
  const last = schedule.previous(instant + 1) ?? range.from;
  const first = schedule.next(instant) ?? range.to;
  return { before: { from: range.from, to: last }, after: { from: first, to: range.to } };
}
