import type { JobUid } from '../domain/job/job.ts';
import type { BackfillId } from '../domain/run/run.ts';
import type { ScheduledJob } from '../domain/schedule/index.ts';
import type { Instant } from '../domain/time.ts';
import type { NewRun, Page, Term } from './store.ts';

/** In which order a backfill takes its ticks. */
export const BackfillOrder = { OldestFirst: 'OldestFirst', NewestFirst: 'NewestFirst' } as const;
export type BackfillOrder = (typeof BackfillOrder)[keyof typeof BackfillOrder];

/** `Cancelled`: no further run is made; those that had begun go on. */
export const BackfillState = { Running: 'Running', Done: 'Done', Cancelled: 'Cancelled' } as const;
export type BackfillState = (typeof BackfillState)[keyof typeof BackfillState];

/** Runs of a job for the ticks of a past range, as somebody asked for them. */
export interface NewBackfill {
  readonly id: BackfillId;
  readonly jobUid: JobUid;
  readonly namespace: string;
  readonly name: string;
  /** Ticks in [from, to). */
  readonly from: Instant;
  readonly to: Instant;
  /** How many of its runs may wait or go at a time. */
  readonly parallelism: number;
  readonly order: BackfillOrder;
  /** Ticks that have a run already are left out. */
  readonly onlyMissing: boolean;
  /** How many ticks the range has. */
  readonly total: number;
  /** What decides the ticks: the job's as it was then, so that they stay the same when the job is edited. */
  readonly schedule: ScheduledJob;
  readonly by: string;
  readonly at: Instant;
}

/** What has become of ticks so far. */
export interface BackfillCounts {
  readonly succeeded: number;
  /** Failed, TimedOut, Killed or Lost. */
  readonly failed: number;
  /** Runs that were never started: cancelled, or past their deadline. */
  readonly skipped: number;
  /** Ticks that had a run already. */
  readonly leftOut: number;
}

export interface Backfill extends NewBackfill {
  readonly state: BackfillState;
  /** Of a cancelled one: why. */
  readonly message?: string;
  /** The last tick that was decided: it got a run or was left out. */
  readonly position?: Instant;
  readonly counts: BackfillCounts;
  /** Ticks whose runs were made and have not ended for good. */
  readonly open: readonly Instant[];
  /** When nothing of it was left to do. */
  readonly endedAt?: Instant;
}

/** One step of a backfill: all of it, or nothing. */
export interface BackfillStep {
  readonly id: BackfillId;
  /** As it was read: with another state nothing is written. */
  readonly from: BackfillState;
  readonly state: BackfillState;
  readonly position?: Instant;
  readonly counts: BackfillCounts;
  readonly open: readonly Instant[];
  readonly runs: readonly NewRun[];
  readonly endedAt?: Instant;
}

export interface BackfillFilter {
  readonly namespace?: string;
  /** Only of these. */
  readonly namespaces?: readonly string[];
  /** A job's name. */
  readonly name?: string;
  readonly state?: BackfillState;
  readonly cursor?: string;
  /** 1 to 500. */
  readonly limit: number;
}

/** The part of the store that keeps backfills. */
export interface BackfillStore {
  /** @throws CronmeshError AlreadyExists when the id is taken */
  createBackfill(backfill: NewBackfill): Promise<Backfill>;
  getBackfill(id: BackfillId): Promise<Backfill | undefined>;
  /** Newest first. */
  listBackfills(filter: BackfillFilter): Promise<Page<Backfill>>;
  /** No further run is made from here on. False when it does not run any more. */
  cancelBackfill(id: BackfillId, message: string): Promise<boolean>;
  /** Those with something left to do, oldest first. */
  openBackfills(limit: number): Promise<readonly Backfill[]>;
  /** Ticks in [from, to] of a job that have a run, whichever it is; one that never started is none. */
  ticksWithRun(
    job: { readonly uid: JobUid; readonly namespace: string; readonly name: string },
    from: Instant,
    to: Instant,
  ): Promise<ReadonlySet<Instant>>;
  /** Makes the runs of a step and keeps how far it came. False when the state was another. @throws StaleTermError */
  advanceBackfill(term: Term, step: BackfillStep): Promise<boolean>;
}
