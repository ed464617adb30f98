import type { Calendar, JobCalendar } from '../domain/calendar/calendar.ts';
import type { Job, JobSource, JobUid } from '../domain/job/job.ts';
import type { Pause } from '../domain/job/pause.ts';
import type { JobHistory, JobSpec, Labels } from '../domain/job/spec.ts';
import type { NewNotification } from '../domain/notification/notification.ts';
import type { Freeze } from '../domain/policy/freeze.ts';
import type { Report } from '../domain/run/report.ts';
import type {
  RetriedOutcome,
  RunId,
  RunParticulars,
  RunState,
  SkipReason,
  TriggerKind,
  WorkerId,
} from '../domain/run/run.ts';
import type { Instant } from '../domain/time.ts';
import type { BackfillStore } from './backfill.ts';
import type { BackupStore } from './backup.ts';

/**
 * The store port: the record of jobs and history. One adapter (`prisma/`) on two engines, PostgreSQL and embedded
 * PGlite; both pass `test/conformance/store.ts`. Every write is one database transaction and durable when it resolves.
 */

/** A page of a list: `next` is given back as `cursor` to go on, and absent on the last page. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

export interface JobFilter {
  readonly namespace?: string;
  /** Only of these. */
  readonly namespaces?: readonly string[];
  /** All of these labels. */
  readonly labels?: Labels;
  /** Part of the name. */
  readonly search?: string;
  readonly source?: JobSource;
  readonly cursor?: string;
  /** 1 to 500. */
  readonly limit: number;
}

export interface NewJob {
  readonly uid: JobUid;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: JobSpec;
  readonly source: JobSource;
  readonly now: Instant;
}

export interface JobChange {
  readonly uid: JobUid;
  /** The revision that the change was made from. */
  readonly revision: number;
  readonly labels: Labels;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: JobSpec;
  /** The new floor: `now` where the schedule, its zone, its policy or `suspend` changed, else the old one. */
  readonly floor: Instant;
  /** Ends a pause, and begins the counts of failures and runs anew. Another limit does so by itself. */
  readonly resume?: true;
  readonly now: Instant;
}

/** Where a job is. */
/** Who has a run, and who had it. */
export interface RunClaim {
  readonly attempt: number;
  readonly state: RunState;
  /** Absent from a run that nobody has claimed. */
  readonly worker?: WorkerId;
  readonly fencingToken?: string;
  readonly former: readonly WorkerId[];
}

export type JobName = Pick<Job, 'namespace' | 'name'>;

/** A row of the outbox: a job's newest state is to be written to Consul. */
export interface Publication {
  /** Grows with every change of any job. */
  readonly id: number;
  readonly namespace: string;
  readonly name: string;
}

/** A spell of a job's life with one schedule: what its ticks were then. The newest has no `until`. */
export interface JobSpell {
  readonly uid: JobUid;
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly spec: JobSpec;
  /** What the calendars that the spec names held then. */
  readonly calendars?: readonly JobCalendar[];
  /** Ticks after it belong to the spell. */
  readonly floor: Instant;
  readonly anchor: Instant;
  readonly countsFrom: Instant;
  readonly paused?: Pause;
  /** Ticks up to and including it belong to the spell: the next spell's floor, or the job's deletion. */
  readonly until?: Instant;
  /** Every tick up to here has a run or a skip. At first the floor. */
  readonly accountedUntil: Instant;
}

export type NewCalendar = Pick<Calendar, 'namespace' | 'name' | 'labels' | 'annotations' | 'spec'> & {
  readonly now: Instant;
};

/** `revision`: the one that the change was made from. */
export type CalendarChange = NewCalendar & Pick<Calendar, 'revision'>;

export interface CalendarFilter {
  readonly namespace?: string;
  /** Only of these. */
  readonly namespaces?: readonly string[];
  readonly cursor?: string;
  /** 1 to 500. */
  readonly limit: number;
}

export interface Run {
  readonly id: RunId;
  readonly jobUid: JobUid;
  readonly namespace: string;
  readonly name: string;
  readonly trigger: TriggerKind;
  readonly tick?: Instant;
  readonly state: RunState;
  /** The newest attempt, from 1; 0 while none has begun. */
  readonly attempt: number;
  readonly revision?: number;
  readonly worker?: WorkerId;
  readonly fencingToken?: string;
  readonly requestedAt: Instant;
  readonly claimedAt?: Instant;
  readonly startedAt?: Instant;
  readonly finishedAt?: Instant;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly httpStatus?: number;
  readonly reason?: SkipReason;
  readonly message?: string;
  /** How far the newest attempt is, from 0 to 100, as it said itself. */
  readonly progress?: number;
  readonly progressMessage?: string;
  /** When it said so, by its worker's clock. */
  readonly progressAt?: Instant;
  /** While a further attempt waits: how the newest one ended. */
  readonly lastOutcome?: RetriedOutcome;
  /** While a further attempt waits: when it is due; once it is, when it was asked for. */
  readonly nextAttemptAt?: Instant;
  readonly particulars?: RunParticulars;
  /** The first run of the chain that it belongs to; its own id for that one, once another came after it. */
  readonly chain?: RunId;
  /** Chained: the runs that it came after. */
  readonly upstream?: readonly RunId[];
  /** The leader has seen how the newest attempt ended: without `nextAttemptAt` there is no further one. */
  readonly retryDecided?: true;
}

export interface RunFilter {
  readonly namespace?: string;
  /** Only of these. */
  readonly namespaces?: readonly string[];
  /** A job's name. Give its namespace too: without it every run is looked at. */
  readonly name?: string;
  readonly state?: readonly RunState[];
  readonly worker?: WorkerId;
  /** The id of a whole: all runs that its tick, or request, comes to; a run's own id for one that is alone. */
  readonly whole?: RunId;
  /** Runs whose tick (or request) is at or after / before it. */
  readonly since?: Instant;
  readonly until?: Instant;
  readonly cursor?: string;
  readonly limit: number;
}

/** A run whose row was written at `changedAt`, by the clock of the master that wrote it. */
export interface ChangedRun extends Run {
  readonly changedAt: Instant;
}

/** Where a walk over changed runs stands: behind the run `id` that was written at `changedAt`. */
export type ChangePosition = Readonly<Pick<ChangedRun, 'changedAt'> & { readonly id: string }>;

/** What a job's runs come to. */
export interface RunSummary {
  /** Runs that are Pending, Claimed or Running; delayed ones count once they are claimed. */
  readonly active: number;
  /** The newest runs, the newest first. */
  readonly recent: readonly Run[];
  /** The newest success among the newest 1,000 runs. */
  readonly lastSuccess?: Run;
}

export interface Skip {
  readonly jobUid: JobUid;
  readonly namespace: string;
  readonly name: string;
  readonly from: Instant;
  readonly to: Instant;
  readonly count: number;
  readonly reason: SkipReason;
  readonly detail: string;
  readonly recordedAt: Instant;
}

export interface LogLine {
  /** Grows within the run; the cursor for more. */
  readonly id: number;
  readonly attempt: number;
  readonly sequence: number;
  readonly stream: 'stdout' | 'stderr' | 'system';
  readonly at: Instant;
  readonly text: string;
}

/** Runs that stay for the archive's sake, whatever their age. */
export interface ArchiveHold {
  /** Whose output waits for the archive, and that ended at or after it. */
  readonly endedSince: Instant;
  /** Whose output was archived at or after it: the archive may not give it back yet. */
  readonly archivedSince: Instant;
}

/** When the lines of a run's output were written: the earliest and the latest instant. */
export interface OutputSpan {
  readonly firstAt: Instant;
  readonly lastAt: Instant;
}

/** An ended run whose output, or some of it, is not in the archive yet. */
export interface AwaitingArchive extends OutputSpan, Pick<Run, 'namespace' | 'name'> {
  readonly run: RunId;
  /** Raised with each batch of its lines. */
  readonly version: number;
  readonly finishedAt: Instant;
}

export interface StoredEpoch {
  readonly number: number;
  readonly floor: Instant;
  /** Highest beat that was committed in the coordinator. */
  readonly beat: number;
  /** When that beat was made: the last instant at which a leader is known to have lived. */
  readonly at: Instant;
}

export interface NewRun {
  readonly id: RunId;
  readonly jobUid: JobUid;
  readonly namespace: string;
  readonly name: string;
  readonly trigger: TriggerKind;
  readonly tick?: Instant;
  readonly revision: number;
  /** When it is due: in the future for a delayed run, which is published then. */
  readonly requestedAt: Instant;
  readonly deadline: Instant;
  readonly by: string;
  /** When it was asked for, where it is due later. Default `requestedAt`. */
  readonly askedAt?: Instant;
  readonly particulars?: RunParticulars;
  readonly chain?: RunId;
  readonly upstream?: readonly RunId[];
}

/** A pending run with what its trigger in Consul needs; published again until Consul had it once. */
export interface PendingRun extends NewRun {
  /** Its tick or, without one, when it was due at first, whatever attempt this is. */
  readonly dueAt: Instant;
  readonly attempt: number;
  readonly published: boolean;
}

/** One of the jobs that a job comes after, or that come after it. */
export interface ChainLink {
  readonly job: string;
  readonly outcome: 'Success' | 'Failure' | 'Always';
  /** Whether there is such a job. */
  readonly exists: boolean;
  /** Of a job that it comes after: the end that has come, and waits for the others'. */
  readonly arrived?: { readonly run: RunId; readonly state: RunState; readonly at: Instant };
}

export interface ChainLinks {
  /** In the order of `after`. */
  readonly upstreams: readonly ChainLink[];
  readonly downstreams: readonly ChainLink[];
}

/** Who has a singleton role: raised at each election. A leader's write with an older term is refused. */
export interface Term {
  readonly role: string;
  readonly term: number;
}

/** A leader's write was refused: another master has been elected since. */
export class StaleTermError extends Error {
  override readonly name = 'StaleTermError';
}

/** A run after all, and whether it waits for a worker, has begun (and counts as one of the policy's number), or never will. */
export interface CatchupOfRow extends Pick<NewRun, 'id' | 'namespace' | 'name' | 'deadline'> {
  readonly tick: Instant;
  /** The same for all of one row: the newest decided tick before it, or 0 where there is none. */
  readonly row: Instant;
  readonly is: 'waiting' | 'begun' | 'over';
}

export interface Store extends BackfillStore, BackupStore {
  // Jobs. Each change also writes the outbox row and, where the schedule changed, a new spell, in one transaction.
  // What the calendars that a spec names hold is looked up and kept with the job.
  /** @throws CronmeshError AlreadyExists; InvalidInput when it would come after itself (with the path), or names a calendar that is not there */
  createJob(job: NewJob): Promise<Job>;
  /** @throws CronmeshError NotFound, StaleRevision; InvalidInput as createJob */
  updateJob(change: JobChange): Promise<Job>;
  /** @throws CronmeshError NotFound, StaleRevision when `revision` is given and is not the newest */
  deleteJob(uid: JobUid, now: Instant, revision?: number): Promise<void>;
  getJob(namespace: string, name: string): Promise<Job | undefined>;
  /** Many at once, by key; absent ones are left out. */
  getJobs(keys: readonly { readonly namespace: string; readonly name: string }[]): Promise<readonly Job[]>;
  listJobs(filter: JobFilter): Promise<Page<Job>>;

  // Calendars.
  /** @throws CronmeshError AlreadyExists */
  createCalendar(calendar: NewCalendar): Promise<Calendar>;
  /**
   * Changes a calendar and, where it holds other times now, every job that names it, in one transaction: each has a new
   * revision, a floor of now, a new spell and an outbox row. Gives those jobs.
   *
   * @throws CronmeshError NotFound, StaleRevision, InvalidInput when a job would be too large with it
   */
  updateCalendar(change: CalendarChange): Promise<{ readonly calendar: Calendar; readonly jobs: readonly JobName[] }>;
  /** @throws CronmeshError NotFound, StaleRevision, Conflict when jobs name it: they are told */
  deleteCalendar(namespace: string, name: string, revision?: number): Promise<void>;
  getCalendar(namespace: string, name: string): Promise<Calendar | undefined>;
  /** By namespace and name. */
  listCalendars(filter: CalendarFilter): Promise<Page<Calendar>>;
  /** The jobs that name a calendar, by name. */
  calendarUsers(namespace: string, name: string): Promise<readonly JobName[]>;

  // Outbox.
  /** Oldest first. */
  pendingPublications(limit: number): Promise<readonly Publication[]>;
  /** Forgets rows of these jobs up to these ids: a newer change of the same job stays. */
  publicationsDone(done: readonly Publication[]): Promise<void>;
  /** Puts every job into the outbox again: Consul was wiped. */
  republishAll(): Promise<number>;

  // Runs.
  /** Asking twice for the same id is asking once: the run is given as it is then. */
  createRun(run: NewRun): Promise<Run>;
  /** Several at once: all of them, or none. In the order of their ids. */
  createRuns(runs: readonly NewRun[]): Promise<readonly Run[]>;
  /**
   * Runs that no worker has claimed: those not published yet first, each kind oldest first. Without `dueBy` the delayed
   * ones too that are due later.
   */
  pendingRuns(limit: number, dueBy?: Instant): Promise<readonly PendingRun[]>;
  /** How many runs no worker has claimed, delayed ones included, and how many of them are of a job: counted up to `most`. */
  countPending(jobUid: JobUid, most: number): Promise<{ readonly all: number; readonly ofJob: number }>;
  markRunsPublished(ids: readonly RunId[]): Promise<void>;
  /**
   * Ends a run of which no attempt has begun as Skipped, Cancelled. Whoever calls it has made sure that none will. False
   * when it waits no more.
   */
  cancelRun(id: RunId, message: string, now: Instant): Promise<boolean>;
  /**
   * Applies reports in bulk, in order, idempotently: (run, attempt, type, sequence) seen before changes nothing;
   * terminal states never change but for Lost settled once by its own attempt. Creates a run's row on its first report.
   */
  applyReports(worker: WorkerId, reports: readonly Report[], now: Instant): Promise<void>;
  /** Whose those runs are that there are, by id. */
  runClaims(ids: readonly RunId[]): Promise<ReadonlyMap<RunId, RunClaim>>;
  getRun(id: RunId): Promise<Run | undefined>;
  getRuns(ids: readonly RunId[]): Promise<readonly Run[]>;
  /** Newest first. */
  listRuns(filter: RunFilter): Promise<Page<Run>>;
  /** The newest run of each of these jobs, delayed ones excepted; jobs without a run are left out. */
  lastRuns(uids: readonly JobUid[]): Promise<ReadonlyMap<JobUid, Run>>;
  /**
   * Runs of the jobs of a source that were made or changed after a position, in the order of that. Clocks of masters
   * differ and commits are late: start again a few seconds before the last one, and expect some twice.
   */
  runsChangedAfter(source: JobSource, after: ChangePosition, limit: number): Promise<readonly ChangedRun[]>;
  /**
   * Runs of these jobs that ended for good (no further attempt is to come), in the order in which that was written; as
   * with `runsChangedAfter`, start again a few seconds before the last one.
   */
  runsEndedAfter(after: ChangePosition, limit: number, jobs: readonly JobUid[]): Promise<readonly ChangedRun[]>;
  /** When a run's row was last written, of all runs; undefined without any. */
  lastRunChange(): Promise<Instant | undefined>;
  /** What the runs of each of these jobs come to, with the newest `recent` of them; jobs without a run are left out. */
  runSummaries(uids: readonly JobUid[], recent: number): Promise<ReadonlyMap<JobUid, RunSummary>>;
  /** Output in order, after line `after` (0 for all). */
  runLogs(
    id: RunId,
    options: { readonly after: number; readonly limit: number; readonly attempt?: number },
  ): Promise<readonly LogLine[]>;
  /** Where a run's output is, but for the database; undefined when nothing of it was archived. */
  archivedOutput(id: RunId): Promise<OutputSpan | undefined>;
  /** Ended runs whose output waits for the archive, the oldest output first. Always empty in a store without an archive. */
  awaitingArchive(limit: number): Promise<readonly AwaitingArchive[]>;
  listSkips(filter: {
    readonly namespace?: string;
    readonly name?: string;
    readonly since?: Instant;
    readonly until?: Instant;
    /** By their last tick; default false: newest first. */
    readonly oldestFirst?: boolean;
    readonly limit: number;
  }): Promise<readonly Skip[]>;
  /** Runs in Claimed or Running whose last report is older than `before`. */
  quietRuns(before: Instant, limit: number): Promise<readonly Run[]>;

  // Freezes. Kept as skips are.
  /** Freezes a scope from `now` on. Where it is frozen, that freeze gets another end, reason and name. */
  freeze(wanted: {
    readonly scope: string;
    readonly now: Instant;
    readonly until?: Instant;
    readonly by: string;
    readonly reason: string;
  }): Promise<Freeze>;
  /** Ends the freeze of a scope; undefined when there is none now. */
  thaw(scope: string, now: Instant): Promise<Freeze | undefined>;
  /** All of them, those that are over too, oldest first. */
  listFreezes(): Promise<readonly Freeze[]>;
  /** Consul has them, since `now`. */
  freezesPublished(published: readonly Pick<Freeze, 'scope' | 'since'>[], now: Instant): Promise<void>;
  // Chains.
  /** What a job comes after, and what comes after it. */
  chainLinks(job: Pick<Job, 'uid' | 'namespace' | 'name'>): Promise<ChainLinks>;
  /**
   * The runs of the chain that a run belongs to, in the order in which they were asked for, at most `limit`; of a run
   * that belongs to none, itself alone.
   */
  chainOf(run: Pick<Run, 'id' | 'chain'>, limit: number): Promise<readonly Run[]>;

  // Retries.
  /** Runs that ended as Failed, TimedOut or Lost of which no further attempt is decided yet, oldest first. */
  undecidedRetries(limit: number): Promise<readonly Run[]>;
  /** Runs whose further attempt was to be asked for at or before an instant, oldest first; not those of some namespaces. */
  dueRetries(until: Instant, limit: number, except?: readonly string[]): Promise<readonly Run[]>;
  /** Ends a run between two attempts as Killed. False when it does not wait (any more): its next attempt was asked for. */
  killWaiting(run: Pick<Run, 'id' | 'attempt'>, message: string, now: Instant): Promise<boolean>;

  // Notifications.
  /** How many runs in a row of its job had failed right before each of these runs, counting at most 1,000. */
  failuresBefore(runs: readonly RunId[], failed: readonly RunState[]): Promise<ReadonlyMap<RunId, number>>;
  /** Skips of these jobs that were recorded after an instant, oldest first. */
  skipsRecordedAfter(after: Instant, jobs: readonly JobUid[], limit: number): Promise<readonly Skip[]>;
  /** First attempts, due since an instant, that began later than `lateness` ms, or have not begun that long after. */
  lateRuns(
    jobs: readonly Pick<Run, 'jobUid' | 'namespace' | 'name'>[],
    late: { readonly since: Instant; readonly now: Instant; readonly lateness: number },
  ): Promise<readonly Run[]>;
  /** Those of a channel that are to be sent now, oldest first. */
  dueNotifications(channel: string, now: Instant, limit: number): Promise<readonly Notification[]>;
  /** Newest first. */
  listNotifications(filter: {
    readonly namespace?: string;
    /** Only of these. */
    readonly namespaces?: readonly string[];
    readonly name?: string;
    readonly state?: NotificationState;
    readonly limit: number;
  }): Promise<readonly Notification[]>;

  // The leader's writes: each is refused with StaleTermError when the term is not the newest.
  /** The next term of a role: its number is larger than any before. */
  nextTerm(role: string, master: string): Promise<Term>;
  /** Spells that may hold unaccounted ticks: those without an end, and ended ones not accounted to their end. Paged by uid. */
  openSpells(after: string, limit: number): Promise<readonly JobSpell[]>;
  /** Spells of these jobs. */
  spellsOf(uids: readonly JobUid[]): Promise<readonly JobSpell[]>;
  /** Spells of every job that has, or had, a name; by floor. */
  spellsNamed(namespace: string, name: string): Promise<readonly JobSpell[]>;
  /**
   * Ticks in (after, until] of a job that have a run of their own (not a backfill's), or all of their runs, or lie in a
   * skip's range.
   */
  accountedTicks(
    queries: readonly { readonly uid: JobUid; readonly after: Instant; readonly until: Instant }[],
  ): Promise<
    ReadonlyMap<
      JobUid,
      {
        readonly ticks: ReadonlySet<Instant>;
        /** Ticks of which some runs are known, and others are not. */
        readonly begun: ReadonlySet<Instant>;
        readonly skips: readonly { readonly from: Instant; readonly to: Instant }[];
      }
    >
  >;
  /**
   * Runs after all (catch-ups) of the ticks before `before`, from the row of missed ticks on that `since` belongs to, the
   * first of those that are asked about: a row ends with a run of a tick's own, and with a skip that a policy made. One
   * that had begun before `since` closed its row: whatever was missed after it is another. Oldest first.
   */
  catchupsOfRow(
    queries: readonly { readonly uid: JobUid; readonly since: Instant; readonly before: Instant }[],
  ): Promise<ReadonlyMap<JobUid, readonly CatchupOfRow[]>>;
  /** Commits the leader's findings at once: skips, lost and skipped runs, new catch-up runs, and how far each spell is accounted. */
  account(term: Term, findings: Findings, now: Instant): Promise<void>;
  /** Sets whether and when there is a further attempt. A run that changed since it was read stays undecided. */
  decideRetries(term: Term, decisions: readonly RetryDecision[], now: Instant): Promise<void>;
  /** Makes runs that wait pending ones, with the attempt after theirs; those dropped end as their last attempt did. */
  askForRetries(term: Term, due: DueRetries, now: Instant): Promise<void>;
  /**
   * Tells the jobs that come after those of ended runs, and makes a chained run, pending or skipped, where all ends have
   * come. Told twice, nothing more comes of it. Gives the runs that were made.
   */
  followEnds(
    term: Term,
    ended: readonly ChangedRun[],
    now: Instant,
    runsFor: (wanted: NewRun, spec: JobSpec) => readonly NewRun[],
  ): Promise<readonly Run[]>;
  /**
   * Counts failures in a row, and pauses the jobs whose `pauseAfterFailures` is reached. Told twice, nothing more comes
   * of it. Gives the jobs that were paused.
   */
  countFailures(term: Term, ended: readonly ChangedRun[], now: Instant): Promise<readonly Job[]>;
  /**
   * Pauses these jobs with `RunLimit`, unless they are paused, their count has begun anew, or a run of one of their ticks
   * still waits for a worker. Gives those that were.
   */
  pauseAtLimit(
    term: Term,
    jobs: readonly { readonly uid: JobUid; readonly countsFrom: Instant; readonly detail: string }[],
    now: Instant,
  ): Promise<readonly Job[]>;
  /**
   * Jobs whose newest `inARow` ended runs all failed (Failed, TimedOut, Lost); Killed and Skipped do not count. With `since`: only those `known`, and those of which a run failed since then; else all are looked at.
   */
  failingJobs(query: {
    readonly since?: Instant;
    readonly known?: readonly JobUid[];
    readonly inARow: number;
    readonly limit: number;
  }): Promise<readonly JobUid[]>;
  /** Where a walk over changed runs stands; undefined before its first save. */
  /** Each by its id once. */
  addNotifications(term: Term, wanted: readonly NewNotification[], now: Instant): Promise<void>;
  /** What became of a try. */
  noteNotification(
    term: Term,
    noted: Pick<Notification, 'id' | 'state' | 'attempts' | 'at'> & { readonly error?: string },
  ): Promise<void>;
  /**
   * Deletes up to `limit` of a job's ended runs beyond what its history keeps, and output beyond it. Only what is
   * accounted and ended at or before `before`. Gives how many runs were deleted, or had their output deleted. `hold`:
   * what is kept for the archive's sake.
   */
  trim(
    term: Term,
    job: Pick<Run, 'jobUid' | 'namespace' | 'name'>,
    history: JobHistory,
    times: { readonly now: Instant; readonly before: Instant; readonly hold?: ArchiveHold | undefined },
    limit: number,
  ): Promise<number>;
  getWalk(name: string): Promise<ChangePosition | undefined>;
  saveWalk(term: Term, name: string, position: ChangePosition): Promise<void>;
  getEpoch(): Promise<StoredEpoch | undefined>;
  putEpoch(term: Term, epoch: StoredEpoch): Promise<void>;
  /**
   * Deletes up to `limit` runs with their logs, up to `limit` skips, that ended before `before`, as many records of what
   * reached chained jobs, and all backfills that ended. Gives the largest of these counts: there may be more while it is
   * `limit`. `hold`: what is kept for the archive's sake.
   */
  retain(term: Term, before: Instant, limit: number, hold?: ArchiveHold): Promise<number>;
  /** The output of these runs, as it was when it was read, is in the archive. */
  noteArchived(term: Term, done: readonly Pick<AwaitingArchive, 'run' | 'version'>[], now: Instant): Promise<void>;

  // The embedded coordinator's durable keys (one process only).
  loadKeys(): Promise<readonly { readonly key: string; readonly value: string; readonly index: number }[]>;
  /** Applies changes in one transaction: value undefined deletes. */
  saveKeys(
    changes: readonly { readonly key: string; readonly value?: string; readonly index: number }[],
  ): Promise<void>;

  // Running it.
  /** Applies missing migrations under a lock; safe with several processes at once. Gives the names of those applied. */
  migrate(): Promise<readonly string[]>;
  /** Migrations of a newer program, beside which this one goes on: they only add. */
  newerMigrations(): Promise<readonly string[]>;
  /** Resolves when the database answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export type NotificationState = 'Waiting' | 'Sent' | 'Failed';

/** Something to be told, or told. */
export interface Notification extends NewNotification {
  readonly state: NotificationState;
  readonly attempts: number;
  readonly createdAt: Instant;
  /** While it waits: when it is tried (again). Else: when it ended. */
  readonly at: Instant;
  /** Why the last try failed. */
  readonly error?: string;
}

/** About a run as it was read: when its further attempt is due; without `at` there is none. */
export interface RetryDecision {
  readonly run: Pick<Run, 'id' | 'attempt' | 'state'>;
  readonly at?: Instant;
}

/** What becomes of runs whose further attempt is due. */
export interface DueRetries {
  readonly asked: readonly { readonly run: RunId; readonly attempt: number; readonly deadline: Instant }[];
  /** With what the run says of it, where there is more to say than that the job does not ask for it any more. */
  readonly dropped: readonly {
    readonly run: RunId;
    readonly attempt: number;
    readonly reason?: SkipReason;
    readonly message?: string;
  }[];
}

/** What the leader found out about elapsed ticks. */
export interface Findings {
  readonly skips: readonly Omit<Skip, 'recordedAt'>[];
  /** Attempts closed as Lost; a run that no worker ever reported is created so. */
  readonly lost: readonly {
    readonly run: RunId;
    readonly attempt: number;
    readonly jobUid: JobUid;
    readonly namespace: string;
    readonly name: string;
    readonly trigger: TriggerKind;
    readonly tick?: Instant;
    readonly worker?: WorkerId;
    /** For a run that is created so. */
    readonly particulars?: RunParticulars;
    readonly message: string;
  }[];
  /** Pending runs that end as Skipped; with an attempt before, as that ended. */
  readonly expired: readonly { readonly run: RunId; readonly reason: SkipReason; readonly message: string }[];
  /** Runs that are asked for; written before `expired`, which may name them. */
  readonly catchups: readonly NewRun[];
  readonly accounted: readonly { readonly uid: JobUid; readonly revision: number; readonly until: Instant }[];
}
