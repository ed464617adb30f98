import type { WorkerId } from '../../domain/run/run.ts';
import type { Instant } from '../../domain/time.ts';
import type { JobEntry } from './entry.ts';

/** A tick that is due, or will be within a second. */
export class Due {
  readonly entry: JobEntry;
  readonly tick: Instant;
  readonly bucket: number;
  /**
   * `open`: nobody is known to have decided it. `busy`: this worker reads or claims it right now.
   * `done`: decided, or no longer this worker's business.
   */
  state: 'open' | 'busy' | 'done' = 'open';
  /** Who has rank 0, and which rank this worker has; as of when it became due, or was ranked anew. */
  owner: WorkerId | undefined;
  rank = 0;
  /** How often its slot could not be locked. */
  refusedLocks = 0;
  /** Waits for room to become free. */
  isWaiting = false;

  constructor(entry: JobEntry, tick: Instant, bucket: number) {
    this.entry = entry;
    this.tick = tick;
    this.bucket = bucket;
  }
}
