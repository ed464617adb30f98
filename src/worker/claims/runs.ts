import type { SessionId } from '../../coordination/coordinator.ts';
import type { KillRecord } from '../../coordination/records.ts';
import { splitJobKey } from '../../domain/job/job.ts';
import { executorKind } from '../../domain/job/spec.ts';
import { timing } from '../../domain/policy/timing.ts';
import type { FinishedReport, OutputReport, ProgressReport, StartedReport } from '../../domain/run/report.ts';
import type { RunId, WorkerId } from '../../domain/run/run.ts';
import { type Clock, formatInstant } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Tracing } from '../../observability/tracing.ts';
import { type Callbacks, NoCallbackUrlError } from '../callbacks.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { Supervisor } from '../ports.ts';
import type { Reports } from '../reports.ts';
import type { AttemptMessage } from '../supervisor/protocol.ts';
import { type HeldRun, holdRun, type RunClaim, referenceOf, startRequestOf } from './held-run.ts';
import type { Commit } from './proposal.ts';

export interface RunsOptions {
  readonly worker: WorkerId;
  readonly supervisor: Pick<Supervisor, 'launch' | 'kill'>;
  readonly callbacks: Pick<Callbacks, 'prepare' | 'forget'>;
  readonly reports: Reports;
  readonly clock: Clock;
  /** The session that the worker has now. */
  readonly session: () => SessionId | undefined;
  /** A run's process has ended (or never was): its place is free. */
  readonly onRoom: () => void;
  /** The run is over and reported: its lock may go. */
  readonly release: (held: HeldRun) => void;
  /** It was provably never started: another worker may. Resolves with whether it was handed back. */
  readonly handBack: (held: HeldRun) => Promise<boolean>;
  /** It goes on without this worker: another one is to adopt it. Resolves when that is asked for, or was given up. */
  readonly handOver: (held: HeldRun) => Promise<void>;
  readonly metrics: WorkerMetrics;
  readonly tracing: Tracing;
  readonly logger: Logger;
}

/** The runs that this worker has claimed: starts them, reports what becomes of them, gives their locks back. */
export class Runs {
  readonly #options: RunsOptions;
  readonly #held = new Map<RunId, HeldRun>();
  readonly #kills = new Map<RunId, KillRecord>();
  /** Asynchronous runs whose callback is being prepared, and whether their end was asked for meanwhile. */
  readonly #preparing = new Map<RunId, { ended?: string }>();
  readonly #idlers: (() => void)[] = [];
  /** Ended, and not yet handed over to the releases. */
  #closing = 0;

  constructor(options: RunsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#held.size;
  }

  has(run: RunId): boolean {
    return this.#held.has(run);
  }

  values(): IterableIterator<HeldRun> {
    return this.#held.values();
  }

  /** Resolves when no run is left and all are reported. */
  idle(): Promise<void> {
    if (this.#held.size === 0 && this.#closing === 0) return Promise.resolve();
    return new Promise(resolve => this.#idlers.push(resolve));
  }

  /** A claim was committed: starts the run at once, while the report of it goes to disk. */
  begin(claim: RunClaim, commit: Commit): void {
    const { supervisor, reports, clock, metrics } = this.#options;
    const now = clock();
    const held = holdRun(claim, { session: commit.session, epoch: commit.epoch, index: commit.index, since: now });
    this.#held.set(held.run, held);
    const late = this.#tooLate(held, now);
    const kill = this.#kills.get(held.run);
    const adopted = held.adopts !== undefined;
    // What goes on already can only be ended by whoever follows it.
    if (late === undefined && (kill === undefined || adopted)) this.#launch(held);
    if (held.tick !== undefined && held.trigger === 'tick' && !adopted) metrics.claimed(now - held.tick);
    void reports.append([
      {
        ...referenceOf(held),
        type: 'claimed',
        at: now,
        fencingToken: held.token,
        revision: held.adopts?.revision ?? held.entry.revision,
      },
    ]);
    if (adopted) {
      if (late !== undefined) void this.#leave(held, late);
      else if (kill !== undefined) supervisor.kill(held.run, held.attempt, kill.by);
    } else if (kill !== undefined)
      this.#close(held, { outcome: 'Killed', message: `killed by ${kill.by} before it was started` });
    else if (late !== undefined) this.#close(held, { outcome: 'Lost', message: `never started: ${late}` });
  }

  #launch(held: HeldRun): void {
    const { supervisor, worker } = this.#options;
    if (held.entry.asynchronous) void this.#launchAsynchronous(held);
    else supervisor.launch(startRequestOf(held, worker));
  }

  /** The key for its callback comes first: the server may answer before the request does. */
  async #launchAsynchronous(held: HeldRun): Promise<void> {
    const { supervisor, worker, callbacks, clock } = this.#options;
    const preparing: { ended?: string } = {};
    this.#preparing.set(held.run, preparing);
    let url: string | undefined;
    let failure: unknown;
    try {
      url = await callbacks.prepare(held);
    } catch (error) {
      failure = error;
    }
    this.#preparing.delete(held.run);
    const late = this.#tooLate(held, clock());
    if (preparing.ended !== undefined) {
      this.#close(held, { outcome: 'Killed', message: `killed by ${preparing.ended} before it was started` });
    } else if (failure instanceof NoCallbackUrlError) {
      this.#close(held, { outcome: 'Failed', message: `not started: it is asynchronous, and ${failure.message}` });
    } else if (url === undefined || late !== undefined) {
      await this.#refused(held, late ?? `its callback could not be prepared: ${(failure as Error).message}`);
    } else supervisor.launch(startRequestOf(held, worker, url));
  }

  /** Ends an attempt, also one that is about to be launched. */
  #end(held: HeldRun, by: string): void {
    const preparing = this.#preparing.get(held.run);
    if (preparing !== undefined) preparing.ended ??= by;
    else this.#options.supervisor.kill(held.run, held.attempt, by);
  }

  /** Everything the supervisor says. */
  onMessage(message: AttemptMessage): void {
    const held = this.#held.get(message.run);
    if (held === undefined || held.attempt !== message.attempt || held.endedAt !== undefined) {
      this.#options.logger.warn({ run: message.run, said: message.type }, 'a message about a run that is not held');
      return;
    }
    const { reports, metrics } = this.#options;
    const reference = referenceOf(held);
    switch (message.type) {
      case 'started':
        held.startedAt = message.at;
        if (held.adopts === undefined) {
          const lateness = held.tick !== undefined && held.trigger === 'tick' ? message.at - held.tick : undefined;
          metrics.started(held, lateness);
        }
        void reports.append([{ ...reference, ...without(message) } satisfies StartedReport]);
        break;
      case 'output':
        void reports.append([{ ...reference, ...without(message) } satisfies OutputReport]);
        break;
      case 'progress':
        void reports.append([{ ...reference, ...without(message) } satisfies ProgressReport]);
        break;
      case 'finished':
        this.#close(held, message.result, message.at);
        break;
      case 'refused':
        void this.#refused(held, message.reason);
        break;
      case 'detached':
        void this.#leave(held, message.reason);
        break;
    }
  }

  /** The kills that are asked for now. */
  setKills(kills: readonly KillRecord[]): void {
    const known = new Set(this.#kills.keys());
    this.#kills.clear();
    for (const kill of kills) this.#kills.set(kill.run, kill);
    for (const { run } of kills) if (!known.has(run)) this.kill(run);
  }

  /** Whether someone asked for the run's end: its key goes with the lock. */
  isKilled(run: RunId): boolean {
    return this.#kills.has(run);
  }

  kill(run: RunId): void {
    const held = this.#held.get(run);
    const kill = this.#kills.get(run);
    if (held === undefined || kill === undefined) return;
    this.#options.logger.info({ run, by: kill.by }, 'killing a run');
    this.#end(held, kill.by);
  }

  /** Ends a run whose lock is another's, or nobody's. */
  endUnlocked(held: HeldRun): void {
    this.#options.logger.error({ run: held.run, lock: held.lockKey }, 'a lock is gone: its run is ended');
    this.#end(held, 'cronmesh: its lock was lost with the past of Consul');
  }

  /** Why a run must not start any more although its claim was committed: its outcome was long unknown. */
  #tooLate(held: HeldRun, now: number): string | undefined {
    if (held.session !== this.#options.session()) return 'the session that claimed it is gone';
    // It was sent in time: its way to Consul and back is not held against it.
    if (now > held.deadline + timing.claimAnswer)
      return 'its starting deadline passed before the outcome of its claim was known';
    return undefined;
  }

  async #refused(held: HeldRun, reason: string): Promise<void> {
    this.#options.metrics.refused();
    if (held.adopts !== undefined) {
      await this.#leave(held, reason);
      return;
    }
    this.#options.logger.warn({ run: held.run, reason }, 'a start was refused: the run is handed back');
    // No longer a run of this worker: another one may have it from here on.
    held.endedAt = held.since;
    this.#closing++;
    this.#held.delete(held.run);
    this.#options.callbacks.forget(held.run);
    this.#options.onRoom();
    if (!(await this.#options.handBack(held))) {
      const result = { outcome: 'Lost', message: `never started: ${reason}` } as const;
      await this.#options.reports.append([this.#finishedReport(held, result, this.#options.clock())]);
      this.#options.release(held);
    }
    this.#closed();
  }

  /** The run goes on without this worker. */
  async #leave(held: HeldRun, reason: string): Promise<void> {
    const { metrics, logger, onRoom, handOver } = this.#options;
    logger.info({ run: held.run, reason }, 'a run is handed over: it goes on, and another worker adopts it');
    metrics.handedOver();
    held.endedAt = held.since;
    this.#closing++;
    this.#held.delete(held.run);
    onRoom();
    await handOver(held);
    this.#closed();
  }

  #close(held: HeldRun, result: Result, at = this.#options.clock()): void {
    held.endedAt = at;
    this.#closing++;
    this.#held.delete(held.run);
    this.#options.callbacks.forget(held.run);
    const began = held.adopts === undefined ? held.startedAt : undefined;
    this.#options.metrics.finished(held, result.outcome, began && at - began);
    this.#trace(held, result, at);
    this.#options.onRoom();
    void this.#options.reports.append([this.#finishedReport(held, result, at)]).then(() => {
      this.#options.release(held);
      this.#closed();
    });
  }

  /** What of the attempt's trace happened here; the masters add its way into the database. */
  #trace(held: HeldRun, result: Result, at: number): void {
    const { tracing, worker } = this.#options;
    if (!tracing.enabled) return;
    const { run, attempt, since, startedAt } = held;
    const { namespace, name } = splitJobKey(held.entry.key);
    const attributes = {
      'cronmesh.namespace': namespace,
      'cronmesh.job': name,
      'cronmesh.worker': worker,
      'cronmesh.trigger': held.trigger,
      'cronmesh.executor': executorKind(held.entry.eligibility.sample),
      ...(held.tick !== undefined && { 'cronmesh.tick': formatInstant(held.tick) }),
    };
    const outcome = {
      'cronmesh.outcome': result.outcome,
      ...(result.exitCode !== undefined && { 'process.exit.code': result.exitCode }),
      ...(result.httpStatus !== undefined && { 'http.response.status_code': result.httpStatus }),
    };
    const failure = result.outcome === 'Succeeded' ? undefined : (result.message ?? result.outcome);
    const due = Math.min(held.dueAt ?? held.tick ?? since, since);
    tracing.record({
      name: 'run',
      run,
      attempt,
      from: due,
      to: at,
      attributes: { ...attributes, ...outcome },
      failure,
    });
    tracing.record({ name: 'claim', run, attempt, from: due, to: since, attributes });
    if (startedAt !== undefined)
      tracing.record({ name: 'execute', run, attempt, from: startedAt, to: at, attributes: outcome, failure });
  }

  #finishedReport(held: HeldRun, result: Result, at: number): FinishedReport {
    return { ...referenceOf(held), type: 'finished', at, ...result };
  }

  #closed(): void {
    this.#closing--;
    if (this.#held.size === 0 && this.#closing === 0) for (const resolve of this.#idlers.splice(0)) resolve();
  }
}

type Result = Pick<FinishedReport, 'outcome' | 'exitCode' | 'signal' | 'httpStatus' | 'message'>;

/** A message without what the reference says already. */
function without<T extends { readonly run: RunId; readonly attempt: number }>(message: T): Omit<T, 'run' | 'attempt'> {
  const { run: _run, attempt: _attempt, ...rest } = message;
  return rest;
}
