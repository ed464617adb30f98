import type { Milliseconds } from '../../domain/time.ts';
import type { AttemptResult } from '../supervisor/protocol.ts';
import type { EndReason } from './executor.ts';

/** Milliseconds as people write them: `1 s`, `1.5 s`, `250 ms`. */
export function formatDuration(milliseconds: Milliseconds): string {
  return milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : `${Math.round(milliseconds / 100) / 10} s`;
}

/** The result of an attempt that was ended from outside. */
export function endedResult(reason: EndReason, timeout: Milliseconds): AttemptResult {
  switch (reason.kind) {
    case 'timeout':
      return { outcome: 'TimedOut', message: `ended after its timeout of ${formatDuration(timeout)}` };
    case 'killed':
      return { outcome: 'Killed', message: `killed by ${reason.by}` };
    case 'lost':
      return { outcome: 'Lost', message: `ended since ${reason.why}` };
  }
}
