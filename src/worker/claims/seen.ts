import type { Entry, Index, SessionId } from '../../coordination/coordinator.ts';
import {
  type CursorRecord,
  decode,
  type LockRecord,
  type TriggerRecord,
  type WholeRecord,
} from '../../coordination/records.ts';
import type { JobKey } from '../../domain/job/job.ts';
import type { RunId } from '../../domain/run/run.ts';
import type { Clock, Instant, Milliseconds } from '../../domain/time.ts';

/** A cursor as one read showed it: the index for the check-and-set and the tick belong together, always. */
export interface SeenCursor {
  /** 0 when there was none. */
  readonly index: Index;
  readonly record: CursorRecord | undefined;
}

/** A slot's lock as it was seen; undefined where there was no such key. */
export interface SeenLock {
  readonly index: Index;
  readonly session: SessionId | undefined;
  readonly record: LockRecord;
}

/** Of a job with `Forbid` where a tick comes to several runs: the whole whose members may be claimed. */
export interface SeenWhole {
  /** 0 when there was none yet. */
  readonly index: Index;
  readonly record: WholeRecord | undefined;
  /** A run of it whose lock is there: no other whole may begin. */
  readonly locked: RunId | undefined;
  /** A run of the job, of whatever whole, that is going or waits. */
  readonly going: RunId | undefined;
}

/** What was read of a job before a claim. */
export interface Seen {
  readonly cursor: SeenCursor;
  /** By slot; empty for jobs without a maximum. */
  readonly locks: readonly (SeenLock | undefined)[];
  readonly whole?: SeenWhole;
  readonly at: Instant;
  /** Only of jobs with a queue, and never out of the cache: their triggers. */
  readonly triggers?: readonly TriggerRecord[];
}

/** @throws Error when the value is none that this version reads */
export function seenCursor(entry: Entry | undefined): SeenCursor {
  return entry === undefined
    ? { index: 0, record: undefined }
    : { index: entry.index, record: decode<CursorRecord>(entry) };
}

/** @throws Error when the value is none that this version reads */
export function seenLock(entry: Entry | undefined): SeenLock | undefined {
  return entry === undefined
    ? undefined
    : { index: entry.index, session: entry.session, record: decode<LockRecord>(entry) };
}

/** How long what was seen is kept: longer than from a read ahead to the end of the live window. */
const generation: Milliseconds = 10_000;

/** What was seen last of each job: in two generations, so that nothing has to be removed one by one. */
export class SeenCache {
  readonly #clock: Clock;
  #young = new Map<JobKey, Seen>();
  #old = new Map<JobKey, Seen>();
  #since: Instant;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock();
  }

  get(job: JobKey): Seen | undefined {
    return this.#young.get(job) ?? this.#old.get(job);
  }

  /** Keeps what was read, but for a cursor of which a later state is known already. Returns what is kept. */
  put(job: JobKey, seen: Seen): Seen {
    const known = this.get(job);
    const kept =
      known !== undefined && known.cursor.index > seen.cursor.index ? { ...seen, cursor: known.cursor } : seen;
    this.#rotate();
    this.#young.set(job, kept);
    return kept;
  }

  /** A cursor was written by this worker. */
  moved(job: JobKey, cursor: SeenCursor): void {
    this.put(job, { cursor, locks: this.get(job)?.locks ?? [], at: this.#clock() });
  }

  forget(job: JobKey): void {
    this.#young.delete(job);
    this.#old.delete(job);
  }

  /** Consul lost its past: indexes mean nothing any more. */
  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }

  #rotate(): void {
    const now = this.#clock();
    if (Math.abs(now - this.#since) < generation) return;
    this.#since = now;
    this.#old = this.#young;
    this.#young = new Map();
  }
}
