import type { Job, JobKey, JobUid } from '../domain/job/job.ts';
import type { Selector } from '../domain/job/spec.ts';
import type { Counted } from '../domain/policy/claiming.ts';
import type { Freeze } from '../domain/policy/freeze.ts';
import type { RunId, RunParticulars, SkipReason, TriggerKind, WorkerId } from '../domain/run/run.ts';
import type { Instant } from '../domain/time.ts';
import type { Index, SessionId } from './coordinator.ts';

/** What the values in Consul hold: JSON with a version `v`. A reader refuses a version it does not know. */

/** `cron/jobs/<namespace>/<name>` */
export interface JobRecord
  extends Pick<
    Job,
    | 'uid'
    | 'namespace'
    | 'name'
    | 'labels'
    | 'annotations'
    | 'spec'
    | 'calendars'
    | 'revision'
    | 'floor'
    | 'anchor'
    | 'source'
    | 'createdAt'
    | 'updatedAt'
    | 'paused'
  > {
  readonly v: 1;
  /** Without it the anchor. */
  readonly countsFrom?: Instant;
}

/** `cron/feed/<shard>`: the newest changes of the shard, the newest last. The ring keeps the last 64. */
export interface FeedRecord {
  readonly v: 1;
  /** Counts changes of this shard: a reader sees how many it missed, and the value always changes. */
  readonly count: number;
  readonly changes: readonly { readonly job: JobKey; readonly revision: number; readonly deleted?: true }[];
}

/** `cron/feed/head` */
export interface FeedHeadRecord {
  readonly v: 1;
  readonly shards: readonly number[];
  /** The jobs that it touched: a reader that has missed nothing reads these, and no shard. */
  readonly jobs: readonly JobKey[];
  /** The head's index that the publisher saw before: a reader whose last head it was has missed nothing. */
  readonly previous: Index;
}

/** Undecided ticks that a cursor jumped over: the first and the last of them. */
export interface Gap {
  readonly from: Instant;
  readonly to: Instant;
}

/** `cron/cursor/<namespace>/<name>`: the last tick decided. It never goes back. */
export interface CursorRecord {
  readonly v: 1;
  readonly uid: JobUid;
  readonly tick: Instant;
  /** What was decided for `tick`: a run, a wait as a trigger, or a skip (which then began at `from`). */
  readonly decision: 'run' | 'trigger' | 'skip';
  /** Of a tick that comes to several runs, of the whole. */
  readonly run?: RunId;
  /** How many runs the tick came to (placement All or Shards): each has its trigger. */
  readonly members?: number;
  readonly worker?: WorkerId;
  readonly from?: Instant;
  readonly reason?: SkipReason;
  readonly detail?: string;
  readonly gaps?: readonly Gap[];
  /** Of a job with `maxRuns`: whoever moves the cursor carries it on (`countedWith`). */
  readonly counted?: Counted;
}

/**
 * `cron/whole/<namespace>/<name>`, of jobs with Forbid and placement All or Shards: whose members may be claimed. It goes
 * over to another whole only while no lock of its members is there.
 */
export interface WholeRecord {
  readonly v: 1;
  readonly whole: RunId;
  /** How many members it has; absent for a run that is alone. */
  readonly members?: number;
}

/** Most gap ranges a cursor carries; a worker that would add one more leaves the tick to the leader. */
export const maxGaps = 32;

/** Of a run that goes on without its worker. */
export interface Outliving {
  /** How often the run was handed over, at first 0. */
  readonly handovers: number;
  /** When the worker that began it took the lock: what came due since was held up by this run. */
  readonly since: Instant;
  /** No worker adopts it after that: by then it has ended, and its result may be gone. */
  readonly until: Instant;
  /** Of the job when the run began. The job may be another by now, or gone; the run stays what it is. */
  readonly revision: number;
  /** Which workers can reach it; absent when the job asked for none in particular. */
  readonly selector?: Selector;
}

/** What a trigger says of a run that is to be adopted. `handovers` counts from 1. */
export interface Adoption extends Omit<Outliving, 'until'> {
  /** The key of the run's lock: the adopter takes this one and no other. */
  readonly lock: string;
}

/** `cron/lock/<namespace>/<name>/<slot>`, and `cron/lock/<namespace>/<group>/group` of jobs that exclude one another. */
export interface LockRecord {
  readonly v: 1;
  /** In a group's lock: whose run holds it. Any other lock's key says that. */
  readonly job?: JobKey;
  readonly run: RunId;
  readonly attempt: number;
  readonly worker: WorkerId;
  readonly jobUid: JobUid;
  readonly trigger: TriggerKind;
  readonly tick?: Instant;
  /** Without a tick, when the run was due, whatever attempt this is: of two runs, the one with the later is the newer. */
  readonly dueAt?: Instant;
  readonly particulars?: RunParticulars;
  /** Latest instant at which the run may still be handed back and started elsewhere. */
  readonly deadline: Instant;
  /**
   * Only of runs that go on without their worker (kubernetes). Such a lock counts as held when its session is gone,
   * too: nobody but the one who adopts the run may take it.
   */
  readonly outlives?: Outliving;
}

/** `cron/trigger/<namespace>/<name>/<run>`: a run asked for, waiting for a worker. */
export interface TriggerRecord {
  readonly v: 1;
  readonly run: RunId;
  readonly attempt: number;
  readonly jobUid: JobUid;
  readonly kind: TriggerKind;
  readonly tick?: Instant;
  /** As in the lock. */
  readonly dueAt?: Instant;
  readonly particulars?: RunParticulars;
  /** Not started after this instant: the leader then records it as skipped. */
  readonly deadline: Instant;
  readonly requestedAt: Instant;
  /** The epoch in which it was written: older ones are closed as Lost, never run. */
  readonly epoch: number;
  /** Replace: this later run was claimed while the trigger waited. It is never started. */
  readonly replacedBy?: RunId;
  /**
   * The run goes on without a worker, and whoever claims this adopts it; nothing is ever started for it. Such a trigger
   * is of no epoch.
   */
  readonly adopts?: Adoption;
  /** Who asked, for people: `user via REST`, `misfire RunLatest`, `handed back by worker-1`. */
  readonly by: string;
}

/**
 * `cron/published/<run>[/<attempt>]`, for each attempt but the first its own: its trigger was written, or (`withdrawn`)
 * never will be. It stands until the deadline: a master that was stopped before its write, or a write that comes late,
 * finds it and changes nothing.
 */
export interface PublishedRecord {
  readonly v: 1;
  /** Of the run: no worker starts it after that. */
  readonly deadline: Instant;
  readonly withdrawn?: true;
}

/** `cron/killer/<namespace>/<name>/<run>` */
export interface KillRecord {
  readonly v: 1;
  readonly run: RunId;
  readonly requestedAt: Instant;
  readonly by: string;
}

/** What a server says of a run that it was asked for earlier. */
export interface CallbackAnswer {
  readonly outcome: 'Succeeded' | 'Failed';
  /** One sentence for people. */
  readonly message?: string;
  /** Goes into the run's output. */
  readonly output?: string;
}

/** … and while it still works at it. */
export interface CallbackProgress {
  /** 0 to 100. */
  readonly progress: number;
  readonly message?: string;
}

/**
 * `cron/callback/<run>`: the server of an asynchronous http attempt may say how it went. Written by the worker before
 * the request is sent, answered once by a master, deleted with the run's release.
 */
export interface CallbackRecord {
  readonly v: 1;
  readonly run: RunId;
  readonly attempt: number;
  readonly worker: WorkerId;
  /** SHA-256 of the token, in hex: the token itself is with the server alone. */
  readonly tokenHash: string;
  /** No answer is taken after that. */
  readonly until: Instant;
  readonly answer?: CallbackAnswer;
  /** The newest, until there is an answer. */
  readonly progress?: CallbackProgress;
}

/** `cron/lane/<worker>/<n>`: raised by every claim transaction. */
export interface LaneRecord {
  readonly v: 1;
  readonly count: number;
  /** In `beat` lanes: the worker's wall clock, for its peers to compare theirs with. */
  readonly at?: Instant;
  /** In `beat` lanes: runs that the worker has claimed or that go on. */
  readonly running?: number;
  /** In `beat` lanes: the worker knows that it is cordoned, and claims nothing. */
  readonly cordoned?: true;
}

/** `cron/freeze`: by scope, the oldest first. What ended is kept for a while: a worker may be late. */
export interface FreezeRecord {
  readonly v: 1;
  readonly scopes: Readonly<Record<string, readonly Omit<Freeze, 'scope'>[]>>;
}

/** `cron/cordon/<worker name>`: stands until the worker is uncordoned. */
export interface CordonRecord {
  readonly v: 1;
  /** Whether runs that go on without their worker are handed over at once. */
  readonly drain: boolean;
  readonly by: string;
  readonly at: Instant;
  readonly reason: string;
}

/** `cron/lost/<run>`: an orphan that a later claim found. */
export interface LostRecord {
  readonly v: 1;
  readonly run: RunId;
  /** The attempt that held the lock; absent where that was not known. */
  readonly attempt?: number;
  readonly particulars?: RunParticulars;
  readonly job: JobKey;
  readonly foundBy: WorkerId;
  readonly at: Instant;
}

/** `cron/leader/<role>`: the value of a leader's lock. */
export interface LeaderRecord {
  readonly v: 1;
  readonly master: string;
  /** Grows with each election; the leader's writes in the database are conditional on it. */
  readonly term: number;
}

/** `cron/epoch` */
export interface EpochRecord {
  readonly v: 1;
  readonly number: number;
  /** Ticks at or before it never fire live: they are gaps, which the leader judges with the database at hand. */
  readonly floor: Instant;
  /** Raised each second by the leader, across epochs; the database keeps the highest that was written. */
  readonly beat: number;
  readonly leader: string;
  /** The leader's wall clock at the beat: workers compare their own with it. */
  readonly at: Instant;
}

/** `cron/doubt`: written each second by every worker that is held. */
export interface DoubtRecord {
  readonly v: 1;
  /** Of the epoch under which the past was lost. */
  readonly number: number;
}

export type { SessionId };

/** Reads a record. @throws Error that names the key when the value is no JSON object of version 1 */
export function decode<T extends { readonly v: 1 }>(entry: { readonly key: string; readonly value: string }): T {
  let value: unknown;
  try {
    value = JSON.parse(entry.value);
  } catch {
    throw new Error(`${entry.key}: the value is not JSON`);
  }
  if (typeof value !== 'object' || value === null || (value as { v?: unknown }).v !== 1) {
    throw new Error(`${entry.key}: the value has no version that this program reads (wanted v: 1)`);
  }
  return value as T;
}

export function encode<T extends { readonly v: 1 }>(record: T): string {
  return JSON.stringify(record);
}
