import type { JobUid } from '../job/job.ts';
import type { Instant } from '../time.ts';

declare const brand: unique symbol;

/** A run's id: `<uid>-<tick in base 36>` for a tick, `<uid>-m-<random>` for a manual run, `<uid>-c-<digest>` for a chained one, `<backfill>-<tick in base 36>` for a backfill's. Lower-case, at most 40 characters. */
export type RunId = string & { readonly [brand]: 'RunId' };
/** `<uid>-b-<random>`: the beginning of the ids of its runs. */
export type BackfillId = string & { readonly [brand]: 'BackfillId' };
/** A worker process: its configured name (unique in the cluster) and a random suffix for each start. */
export type WorkerId = string & { readonly [brand]: 'WorkerId' };

/**
 * Why a run exists. `tick`: its schedule was due. `manual`: somebody asked for it. `catchup`: a misfire that the policy
 * runs after all. `retry`: a further attempt. `chain`: runs of other jobs that it comes after have ended. `backfill`: a
 * tick of a past range that somebody asked for.
 */
export const TriggerKind = {
  Tick: 'tick',
  Manual: 'manual',
  Catchup: 'catchup',
  Retry: 'retry',
  Chain: 'chain',
  Backfill: 'backfill',
} as const;
export type TriggerKind = (typeof TriggerKind)[keyof typeof TriggerKind];

/**
 * A run's state. Pending → Claimed → Running → one of the terminal ones; Pending may also end as Skipped.
 * Terminal states never change, but for two cases: Lost (which means unknown) may be settled once by the same
 * attempt's own late report, unless a newer attempt was asked for; and where the job's policy asks for another attempt
 * after Failed, TimedOut or Lost, the run is Pending again.
 */
export const RunState = {
  /** Asked for (manual, catch-up, or waiting for room), or waiting for its next attempt: no worker has it. */
  Pending: 'Pending',
  /** A worker has the right to start it. */
  Claimed: 'Claimed',
  Running: 'Running',
  Succeeded: 'Succeeded',
  Failed: 'Failed',
  TimedOut: 'TimedOut',
  /** Ended on request. */
  Killed: 'Killed',
  /** Its worker went away; what became of it is not known. */
  Lost: 'Lost',
  /** Asked for, but never started: `reason` says why. */
  Skipped: 'Skipped',
} as const;
export type RunState = (typeof RunState)[keyof typeof RunState];

export const terminalStates: ReadonlySet<RunState> = new Set<RunState>([
  'Succeeded',
  'Failed',
  'TimedOut',
  'Killed',
  'Lost',
  'Skipped',
]);

/** Terminal states that count as a failure. */
export const failedStates: ReadonlySet<RunState> = new Set<RunState>(['Failed', 'TimedOut', 'Lost']);

/** How an attempt ended, as its worker saw it. */
export type Outcome = 'Succeeded' | 'Failed' | 'TimedOut' | 'Killed' | 'Lost';

/** Those of them after which a job may ask for another attempt. */
export type RetriedOutcome = Exclude<Outcome, 'Succeeded' | 'Killed'>;

/** Why a tick has no run. Each is a fact about the cluster at that time; the record's `detail` gives the particulars. */
export const SkipReason = {
  /** The job was suspended. */
  Suspended: 'Suspended',
  /** Forbid: the run before was still going. */
  StillRunning: 'StillRunning',
  /** Allow with a maximum: that many runs were going. */
  ConcurrencyLimit: 'ConcurrencyLimit',
  /** No live worker matched the job's selector and executor. */
  NoEligibleWorker: 'NoEligibleWorker',
  /** Eligible workers lived, but none had room before the starting deadline. */
  NoCapacity: 'NoCapacity',
  /** Found too late: past the starting deadline. */
  DeadlineExceeded: 'DeadlineExceeded',
  /** Found when its time had passed, and misfirePolicy is Skip. */
  Misfire: 'Misfire',
  /** Found when its time had passed, and misfirePolicy RunLatest ran a later one instead. */
  Superseded: 'Superseded',
  /** Found when its time had passed, beyond misfireLimit. */
  MisfireLimit: 'MisfireLimit',
  /** Nothing of the cluster was running. */
  ClusterDown: 'ClusterDown',
  /** Consul had no quorum, or had lost its past and was being filled again. */
  CoordinationUnavailable: 'CoordinationUnavailable',
  /** The job was edited or deleted before the run could start. */
  JobChanged: 'JobChanged',
  /** The namespace, or everything, was frozen. */
  Frozen: 'Frozen',
  /** Queue: as many runs waited already as maxQueuedRuns allows. */
  QueueFull: 'QueueFull',
  /** Replace: a later run came before this one could start. */
  Replaced: 'Replaced',
  /** The job has had as many runs as maxRuns allows. */
  RunLimit: 'RunLimit',
  /** Chained: a run that it comes after ended otherwise than `after` asks for. */
  Upstream: 'Upstream',
  /** Somebody took the request back: a delayed run, or a backfill. */
  Cancelled: 'Cancelled',
  /** The database was restored from a backup that knows nothing of that time. */
  Restored: 'Restored',
} as const;
export type SkipReason = (typeof SkipReason)[keyof typeof SkipReason];

/**
 * The id of the run for one tick. Two reports of one tick meet in it.
 *
 * @example tickRunId('k3v9…' as JobUid, Date.UTC(2026, 0, 1)) // 'k3v9…-mjuw2yo0'
 */
export function tickRunId(uid: JobUid, tick: Instant): RunId {
  return `${uid}-${tick.toString(36)}` as RunId;
}

/** The id of a run asked for by hand; `random` is 10 characters of [a-z0-9]. */
export function manualRunId(uid: JobUid, random: string): RunId {
  return `${uid}-m-${random}` as RunId;
}

/**
 * The id of a backfill's run for one tick: beside the tick's own run, which keeps its id.
 *
 * @example backfillRunId('k3v9…-b-x1y2z3' as BackfillId, Date.UTC(2026, 0, 1)) // 'k3v9…-b-x1y2z3-mjuw2yo0'
 */
export function backfillRunId(backfill: BackfillId, tick: Instant): RunId {
  return `${backfill}-${tick.toString(36)}` as RunId;
}

/** Whether a run, whatever attempt of it, was asked for by a backfill. */
export function isBackfillRun(run: RunId): boolean {
  return run.startsWith('-b-', run.indexOf('-'));
}

/** The id of a backfill; `random` is 6 characters of [a-z0-9]. */
export function backfillId(uid: JobUid, random: string): BackfillId {
  return `${uid}-b-${random}` as BackfillId;
}

/** The id of a chained run; `digest` is 20 characters of [a-z0-9], made of the runs that it comes after. */
export function chainRunId(uid: JobUid, digest: string): RunId {
  return `${uid}-c-${digest}` as RunId;
}

/** One of the runs that a tick, or a request, of a job with placement All or Shards comes to. */
export interface Member {
  /** From 0. */
  readonly index: number;
  readonly count: number;
  /** All: the name of the one worker that it is for. */
  readonly worker?: string;
}

/** What is particular to one run, beyond its job: goes along with its row, its trigger and its lock. */
export interface RunParticulars {
  readonly member?: Member;
  /** After the job's own command, for runs asked for by hand. */
  readonly arguments?: readonly string[];
  /** Over the job's own environment, for runs asked for by hand. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * The id of one of the runs that a whole comes to.
 *
 * @example memberRunId(tickRunId(uid, tick), 2) // 'k3v9…-mjuw2yo0-2'
 */
export function memberRunId(whole: RunId, index: number): RunId {
  return `${whole}-${index}` as RunId;
}

/** The whole that a run is a member of; itself when it is none. */
export function wholeOf(run: { readonly id: RunId; readonly particulars?: RunParticulars }): RunId {
  const member = run.particulars?.member;
  return (member === undefined ? run.id : run.id.slice(0, -`-${member.index}`.length)) as RunId;
}

/** The job's uid inside a run's id. */
export function runJobUid(run: RunId): JobUid {
  return run.slice(0, run.indexOf('-')) as JobUid;
}

/** A fencing token: epoch × 2^40 + the index that the claim wrote, as a decimal string. Larger is newer. */
export function fencingToken(epoch: number, index: number): string {
  return (BigInt(epoch) * 2n ** 40n + BigInt(index)).toString();
}
