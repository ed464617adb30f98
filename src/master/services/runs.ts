import { CronmeshError } from '../../domain/errors.ts';
import { type Job, jobKey } from '../../domain/job/job.ts';
import { nobodyEligible } from '../../domain/policy/eligibility.ts';
import { isSpread } from '../../domain/policy/members.ts';
import { shouldRetry } from '../../domain/policy/retry.ts';
import { checkFits, type RunRequest } from '../../domain/run/request.ts';
import { manualRunId, type RunId, terminalStates } from '../../domain/run/run.ts';
import type { Clock, Instant } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { LogLine, NewRun, Notification, Page, Run, RunFilter, Skip, Store } from '../../store/store.ts';
import type { OutputArchive } from '../archive/output-archive.ts';
import type { Changes } from './changes.ts';
import { followLog } from './follow.ts';
import { type EligibleWorkers, runsFor } from './members.ts';
import { type PendingLimits, requireRoom } from './pending-limits.ts';
import type { Publishing } from './publishing.ts';
import { requirePlaceInQueue, type WaitingRun, waitingRuns } from './waiting.ts';

export interface RunServiceDependencies {
  readonly store: Pick<
    Store,
    | 'createRuns'
    | 'pendingRuns'
    | 'countPending'
    | 'cancelRun'
    | 'getRun'
    | 'getJob'
    | 'killWaiting'
    | 'listNotifications'
    | 'listRuns'
    | 'chainOf'
    | 'runLogs'
    | 'archivedOutput'
    | 'listSkips'
  >;
  readonly publishing: Pick<Publishing, 'publishTrigger' | 'withdraw' | 'requestKill' | 'waiting'>;
  readonly changes: Changes;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly workers: EligibleWorkers;
  /** Gives `count` random characters of [a-z0-9]. */
  readonly randomText: (count: number) => string;
  /** Whether this master's clock may stamp: a run's deadline depends on it. */
  readonly clockOk: () => boolean;
  /** Where the output of ended runs is as well. Default: nowhere. */
  readonly archive?: Pick<OutputArchive, 'read'> | undefined;
  /** The most runs that may wait for a worker. Default: no bound. */
  readonly most?: PendingLimits;
}

/** A run that was asked for: where it comes to several (placement All or Shards), the first of `runs`. */
export type AskedRun = Run & { readonly runs?: readonly Run[] };

export interface LogOptions {
  /** Only what comes after this line's id. Default 0: everything. */
  readonly after?: number;
  /** Only this attempt, from 1. Default: all of them, one after another. */
  readonly attempt?: number;
}

/** The mark that keeps a cancelled run from being published stands until so long after the run was due. */
const markKept = 7 * 86_400_000;
/** Runs of a chain that are shown. */
const longestChain = 1_000;
/** Lines that are read at once. */
const logPage = 500;

/** Runs: asked for, ended, and read with their output. */
export class RunService {
  readonly #deps: RunServiceDependencies;

  constructor(deps: RunServiceDependencies) {
    this.#deps = deps;
  }

  /**
   * Asks for a run of a job now, or later. It is committed when this resolves, and waits for a worker from when it is due
   * until the job's starting deadline. A suspended job may be run by hand. A delayed run runs what the job is then.
   *
   * @throws CronmeshError NotApplicable when the job can't take what the request brings, QueueFull, TooManyPending;
   * Unavailable, also for a job with placement All while no eligible worker is ready
   */
  async trigger(job: Job, by: string, wanted: RunRequest = { dryRun: false }): Promise<AskedRun> {
    checkFits(job.spec, wanted);
    const { store, publishing, changes, clock, randomText, workers, logger } = this.#deps;
    if (!this.#deps.clockOk()) {
      throw new CronmeshError('Unavailable', "this master's clock is off from its peers'; ask another master", {
        retryable: true,
      });
    }
    const askedAt = clock();
    const requestedAt = wanted.dueAt ?? askedAt;
    // What is due later is asked for all the same: whether there is a place then, nobody knows.
    if (requestedAt <= askedAt) await requirePlaceInQueue(this.#deps, job);
    const request: NewRun = {
      id: manualRunId(job.uid, randomText(10)),
      jobUid: job.uid,
      namespace: job.namespace,
      name: job.name,
      trigger: 'manual',
      revision: job.revision,
      requestedAt,
      deadline: requestedAt + job.spec.startingDeadlineSeconds * 1_000,
      by,
      askedAt,
      ...(wanted.particulars !== undefined && { particulars: wanted.particulars }),
    };
    const requests = runsFor(request, job.spec, workers);
    await requireRoom(this.#deps, job, requests.length);
    if (requests.length === 0) {
      const message = `${jobKey(job)} runs on every eligible worker, and ${nobodyEligible}: see GET /api/v1/workers`;
      throw new CronmeshError('Unavailable', message, { retryable: true });
    }
    const made = new Map((await store.createRuns(requests)).map(one => [one.id, one]));
    const runs = requests.flatMap(({ id }) => made.get(id) ?? []);
    const [run] = runs;
    if (run === undefined) throw new Error(`the run ${request.id} was deleted as it was made`);
    changes.runsChanged(runs.map(({ id }) => id));
    const asked = isSpread(job.spec.placement) ? { ...run, runs } : run;
    // What is due later is published then, by the leader.
    if (requestedAt > askedAt) return asked;
    publishing.publishTrigger(...requests).catch((error: unknown) => {
      logger.warn(
        { err: error, job: jobKey(job), run: run.id },
        'the trigger was not published at once; the leader will do it',
      );
    });
    return asked;
  }

  /**
   * Asks for the end of a run: its worker ends it and everything it started. Resolves once the request is on its way. A
   * run that waits for its next attempt is ended at once, and one that is not due yet is cancelled: it never starts.
   *
   * @throws CronmeshError NotFound, Conflict when it has ended, Unavailable
   */
  async kill(id: RunId, by: string): Promise<Run> {
    const run = await this.get(id);
    if (await this.#isBetweenAttempts(run)) {
      const { store, changes, clock } = this.#deps;
      if (await store.killWaiting(run, `killed by ${by} before its attempt ${run.attempt + 1}`, clock())) {
        changes.runsChanged([id]);
        return await this.get(id);
      }
    } else if (terminalStates.has(run.state)) {
      throw new CronmeshError('Conflict', `the run ${id} has ended already: ${run.state}`);
    } else if (await this.#cancel(run, by)) return await this.get(id);
    try {
      await this.#deps.publishing.requestKill(run, by);
    } catch (error) {
      if (error instanceof CronmeshError) throw error;
      throw new CronmeshError('Unavailable', `the kill of ${id} could not be handed to the workers; try again`, {
        retryable: true,
        cause: error,
      });
    }
    return run;
  }

  /** Takes a delayed run back before it is due. False when it is due, or was published by a clock that is ahead. */
  async #cancel(run: Run, by: string): Promise<boolean> {
    const { store, publishing, changes, clock } = this.#deps;
    const due: Instant = run.requestedAt;
    if (run.state !== 'Pending' || run.attempt > 0 || due <= clock()) return false;
    try {
      // Consul first: once this holds nobody can start it, whatever becomes of this master.
      if (!(await publishing.withdraw(run, due + markKept))) return false;
    } catch (error) {
      if (error instanceof CronmeshError) throw error;
      const message = `the run ${run.id} could not be cancelled: Consul does not answer; try again`;
      throw new CronmeshError('Unavailable', message, { retryable: true, cause: error });
    }
    await store.cancelRun(run.id, `cancelled by ${by} before it was due`, clock());
    changes.runsChanged([run.id]);
    return true;
  }

  /** @throws CronmeshError NotFound */
  async get(id: RunId): Promise<Run> {
    const run = await this.#deps.store.getRun(id);
    if (run === undefined) throw new CronmeshError('NotFound', `there is no run ${id}`);
    return run;
  }

  /**
   * The runs of the chain that a run belongs to, in order, at most 1,000; itself alone when it belongs to none.
   *
   * @throws CronmeshError NotFound
   */
  async chain(id: RunId): Promise<readonly Run[]> {
    return await this.#deps.store.chainOf(await this.get(id), longestChain);
  }

  /** The runs of a job that wait for a worker, the earliest first. @throws CronmeshError Unavailable */
  async waiting(job: Job): Promise<readonly WaitingRun[]> {
    return await waitingRuns(this.#deps, job);
  }

  /** Newest first. */
  async list(filter: RunFilter): Promise<Page<Run>> {
    return await this.#deps.store.listRuns(filter);
  }

  /** Why ticks did not run, newest first. */
  async skips(filter: Parameters<Store['listSkips']>[0]): Promise<readonly Skip[]> {
    return await this.#deps.store.listSkips(filter);
  }

  /** What was told of runs and skips, or waits to be, newest first. */
  async notifications(filter: Parameters<Store['listNotifications']>[0]): Promise<readonly Notification[]> {
    return await this.#deps.store.listNotifications(filter);
  }

  /** The output so far, page by page. */
  async *logs(id: RunId, options: LogOptions = {}): AsyncGenerator<readonly LogLine[]> {
    let after = options.after ?? 0;
    for (;;) {
      const lines = await this.#readLog(id, after, options.attempt);
      if (lines.length > 0) yield lines;
      if (lines.length < logPage) return;
      after = lines.at(-1)?.id ?? after;
    }
  }

  /**
   * The output of a run that has ended, from the archive; undefined while the database has it, and where there is none.
   * Resolves once the first of it is there.
   *
   * @throws CronmeshError Unavailable when the archive does not answer, Gone when it has nothing of it any more
   */
  async archivedLogs(run: Run, options: LogOptions = {}): Promise<AsyncGenerator<readonly LogLine[]> | undefined> {
    const { archive, store } = this.#deps;
    if (archive === undefined || !terminalStates.has(run.state)) return undefined;
    const span = await store.archivedOutput(run.id);
    if (span === undefined || (await store.runLogs(run.id, { after: 0, limit: 1 })).length > 0) return undefined;
    const pages = archive.read(run, span, options);
    const first = await pages.next();
    if (first.done && options.after === undefined && options.attempt === undefined) {
      throw new CronmeshError('Gone', `the output of ${run.id} was archived in Loki, which does not have it any more`);
    }
    return (async function* () {
      if (first.done) return;
      yield first.value;
      yield* pages;
    })();
  }

  /**
   * The output so far and what comes, as it comes; ends once the run has ended and everything was given, and when
   * the signal aborts. Works whichever master takes the run's reports.
   */
  follow(id: RunId, options: LogOptions, signal: AbortSignal): AsyncGenerator<readonly LogLine[]> {
    const { changes } = this.#deps;
    return followLog({
      run: id,
      after: options.after ?? 0,
      read: after => this.#readLog(id, after, options.attempt),
      ended: async () => {
        const run = await this.get(id);
        return terminalStates.has(run.state) && !(await this.#isBetweenAttempts(run));
      },
      changes,
      signal,
    });
  }

  /** Whether it waits for a further attempt, or will as soon as the leader has seen its end. */
  async #isBetweenAttempts(run: Run): Promise<boolean> {
    if (run.state === 'Pending') return run.lastOutcome !== undefined;
    if (run.state !== 'Failed' && run.state !== 'TimedOut' && run.state !== 'Lost') return false;
    if (run.retryDecided) return false;
    const job = await this.#deps.store.getJob(run.namespace, run.name);
    return job?.uid === run.jobUid && shouldRetry(job.spec, run);
  }

  #readLog(id: RunId, after: number, attempt: number | undefined): Promise<readonly LogLine[]> {
    return this.#deps.store.runLogs(id, { after, limit: logPage, ...(attempt === undefined ? {} : { attempt }) });
  }
}
