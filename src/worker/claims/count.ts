import { setImmediate as turn } from 'node:timers/promises';
import type { TickRange, TickSource } from '../../domain/policy/claiming.ts';

/** Ticks counted before others get a turn: about 10 ms. */
const atOnce = 2_000;

/** How many ticks a range holds. A job of every second that was held up for a day has 86,400: others get turns between. */
export async function countInTurns(schedule: TickSource, { from, to }: TickRange): Promise<number> {
  let count = 1;
  for (let tick = schedule.next(from); tick !== undefined && tick <= to; tick = schedule.next(tick)) {
    count++;
    if (count % atOnce === 0) await turn();
  }
  return count;
}
