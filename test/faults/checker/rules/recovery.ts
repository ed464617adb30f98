import { type Book, clock, type Violation } from '../book.ts';
import { bounds } from '../bounds.ts';
import type { Fate } from '../fates.ts';
import { possibleIn } from '../jobs.ts';

const normal = new Set([
  'StillRunning',
  'ConcurrencyLimit',
  'QueueFull',
  'Replaced',
  'Suspended',
  'NoCapacity',
  'JobChanged',
]);

/** From 60 s after the last heal on every tick starts in its window, or is skipped by a policy. */
export function recovery(book: Book, fates: readonly Fate[]): Violation[] {
  const after = book.history.run.healedAt + bounds.recovery;
  return fates.flatMap(({ tick, live, start, job, skips, runs, waits }): Violation[] => {
    if (tick <= after || live || waits) return [];
    const takesTurns = possibleIn(job, tick, tick).some(({ spec }) =>
      ['Queue', 'Replace'].includes(spec.concurrencyPolicy),
    );
    const [skip, run] = [skips[0], runs[0]];
    if (start !== undefined && takesTurns) return [];
    if (skip !== undefined && normal.has(skip.reason)) return [];
    if (run !== undefined && (run.state === 'Pending' || (run.reason !== undefined && normal.has(run.reason))))
      return [];
    const fate = start !== undefined ? `started at ${clock(start.at)}` : (skip?.reason ?? run?.state ?? 'nothing');
    return [
      {
        rule: 'not recovered',
        what: `${job.key} at ${clock(tick)}: ${fate}, ${((tick - after) / 1_000 + 60).toFixed(0)} s after all was healed`,
      },
    ];
  });
}
