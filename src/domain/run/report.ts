import type { JobUid } from '../job/job.ts';
import type { Instant } from '../time.ts';
import type { Member, Outcome, RunId, SkipReason, TriggerKind, WorkerId } from './run.ts';

/** What a report is about. */
export interface RunReference {
  readonly run: RunId;
  readonly attempt: number;
  readonly jobUid: JobUid;
  readonly namespace: string;
  readonly name: string;
  /** The tick it is for; absent for a manual run. */
  readonly tick?: Instant;
  readonly trigger: TriggerKind;
  readonly member?: Member;
}

/** The claim was won: the worker has the right to start the run. */
export interface ClaimedReport extends RunReference {
  readonly type: 'claimed';
  readonly at: Instant;
  readonly fencingToken: string;
  /** The job's revision that is run. */
  readonly revision: number;
}

/** The process was spawned, or the request was sent. */
export interface StartedReport extends RunReference {
  readonly type: 'started';
  readonly at: Instant;
  readonly pid?: number;
}

/** A piece of a run's output, in order. */
export interface OutputReport extends RunReference {
  readonly type: 'output';
  /** Counts from 0 within the attempt; makes the piece idempotent. */
  readonly sequence: number;
  readonly stream: 'stdout' | 'stderr' | 'system';
  readonly at: Instant;
  readonly text: string;
}

/** How far the attempt is, as it says itself: at most one each second. */
export interface ProgressReport extends RunReference {
  readonly type: 'progress';
  readonly at: Instant;
  /** From 0 to 100. */
  readonly percent: number;
  /** At most 500 characters. */
  readonly message?: string;
}

/** The attempt ended. */
export interface FinishedReport extends RunReference {
  readonly type: 'finished';
  readonly at: Instant;
  readonly outcome: Outcome;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly httpStatus?: number;
  /** One sentence for people: why it failed, or who killed it. */
  readonly message?: string;
}

/** Ticks that have no run, from the first to the last of them, both included. */
export interface SkippedReport {
  readonly type: 'skipped';
  readonly jobUid: JobUid;
  readonly namespace: string;
  readonly name: string;
  readonly from: Instant;
  readonly to: Instant;
  /** How many ticks the range holds. */
  readonly count: number;
  readonly reason: SkipReason;
  readonly detail: string;
  readonly at: Instant;
}

export type Report = ClaimedReport | StartedReport | OutputReport | ProgressReport | FinishedReport | SkippedReport;

/** What a worker sends at once: reports with consecutive sequence numbers of its spool. */
export interface ReportBatch {
  readonly worker: WorkerId;
  /** The spool's own id: sequences restart with a new spool. */
  readonly spool: string;
  /** The sequence of the first report in the batch. */
  readonly first: number;
  readonly reports: readonly Report[];
}
