import { pause } from '../coordination/pause.ts';
import { backoffDelay, defaultBackoff } from '../domain/backoff.ts';
import { type JobKey, jobKey } from '../domain/job/job.ts';
import { resourceOf } from '../domain/job/resource.ts';
import type { Clock, Instant, Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import type { ChangedRun } from '../store/store.ts';
import { Holdings } from './holdings.ts';
import type { KubernetesConnection } from './kubernetes/connection.ts';
import { CronJobApi } from './kubernetes/cronjobs.ts';
import { EventRecorder } from './kubernetes/events.ts';
import type { OperatorMetrics } from './metrics.ts';
import type { ResourceJobs, ResourceRuns } from './ports.ts';
import { WorkQueue } from './queue/work-queue.ts';
import { Finalizers } from './reconcile/finalizers.ts';
import { explainFailure, Reconciler } from './reconcile/reconciler.ts';
import { RunFollower } from './runs/run-follower.ts';
import { conditionOf } from './status/conditions.ts';
import { StatusWriter } from './status/writer.ts';
import { ResourceCache } from './watch/cache.ts';
import { ResourceFollower } from './watch/follower.ts';

export interface OfficeOptions {
  readonly connection: KubernetesConnection;
  readonly jobs: ResourceJobs;
  readonly runs: ResourceRuns;
  /** The uid of the operator's own namespace. */
  readonly cluster: string;
  /** Those watched; empty: all. */
  readonly namespaces: readonly string[];
  readonly resyncEvery: Milliseconds;
  readonly finalizerTimeout: Milliseconds;
  readonly startedAt: Instant;
  readonly logger: Logger;
  readonly metrics: OperatorMetrics;
  readonly clock: Clock;
  /** Whether this operator still leads: asked before each reconcile. */
  readonly leads: () => boolean;
}

/** Resources reconciled at once. */
const parallel = 4;
/** The queue begins without the first resync when the database does not answer for so long: finalizers time out. */
const patience: Milliseconds = 5_000;

/** All that the leading operator does, from its election to its end. */
export class Office {
  readonly #options: OfficeOptions;
  readonly #queue = new WorkQueue<JobKey>();
  readonly #cache: ResourceCache;
  readonly #holdings = new Holdings();
  readonly #followers: readonly ResourceFollower[];
  readonly #runs: RunFollower;
  readonly #status: StatusWriter;
  readonly #events: EventRecorder;
  readonly #reconciler: Reconciler;
  #synced = false;

  constructor(options: OfficeOptions) {
    const { connection, jobs, namespaces, logger, clock, cluster, metrics } = options;
    this.#options = options;
    const api = new CronJobApi(connection);
    // The first list is routine: what users do meanwhile goes before it.
    const cache = new ResourceCache(key => this.#queue.add(key, this.#synced ? 'now' : 'later'));
    const holdings = this.#holdings;
    const events = new EventRecorder({ connection, logger, clock });
    const runs = new RunFollower({
      runs: options.runs,
      holdings,
      logger,
      clock,
      onChange: key => this.#queue.add(key, 'later'),
      onTrouble: run => this.#tellTrouble(run),
    });
    const status = new StatusWriter({ api, onWritten: resource => cache.refresh(resource), clock });
    const { finalizerTimeout: timeout, startedAt } = options;
    const common = { api, cache, holdings, jobs, events, logger, clock, cluster };
    const finalizers = new Finalizers({ ...common, timeout, startedAt });
    this.#cache = cache;
    this.#events = events;
    this.#runs = runs;
    this.#status = status;
    this.#reconciler = new Reconciler({ ...common, runs, status, finalizers });
    this.#followers = (namespaces.length === 0 ? [undefined] : namespaces).map(
      namespace =>
        new ResourceFollower({
          api,
          namespace,
          cache,
          logger,
          onRestart: reason => metrics.watchRestarts.inc({ reason }),
        }),
    );
  }

  get queueDepth(): number {
    return this.#queue.depth;
  }

  /** Why resources are not followed now. */
  get problems(): readonly string[] {
    const broken = this.#followers.flatMap(follower => follower.problem ?? []);
    return this.#synced || broken.length > 0 ? broken : ['CronJob resources are not listed yet'];
  }

  resources(): { readonly ready: number; readonly unready: number } {
    let [ready, unready] = [0, 0];
    for (const { status } of this.#cache.values()) {
      if (conditionOf(status?.conditions, 'Ready')?.status === 'True') ready++;
      else unready++;
    }
    return { ready, unready };
  }

  /** Works until the signal is aborted, then finishes what is under way. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const recording = this.#events.run(ended.signal);
    const close = () => this.#queue.close();
    signal.addEventListener('abort', close);
    if (signal.aborted) close();
    const resynced = Promise.withResolvers<void>();
    await Promise.all([
      ...this.#followers.map(follower => follower.run(signal)),
      this.#resyncAgainAndAgain(signal, resynced.resolve),
      this.#begin(signal, resynced.promise),
      this.#runs.run(signal),
    ]);
    signal.removeEventListener('abort', close);
    ended.abort();
    await recording;
  }

  /** The first list and resync come before anything is reconciled: what is in order already then costs nothing. */
  async #begin(signal: AbortSignal, resynced: Promise<void>): Promise<void> {
    await this.#listed(signal);
    if (signal.aborted) return;
    await Promise.race([resynced, pause(patience, signal)]);
    this.#synced = true;
    await Promise.all(Array.from({ length: parallel }, () => this.#work()));
  }

  async #listed(signal: AbortSignal): Promise<void> {
    const stopped = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([Promise.all(this.#followers.map(follower => follower.synced)), stopped]);
  }

  async #resyncAgainAndAgain(signal: AbortSignal, onFirst: () => void): Promise<void> {
    const { logger, resyncEvery } = this.#options;
    await this.#listed(signal);
    for (let failures = 0, first = true; !signal.aborted; ) {
      try {
        if (!first) await Promise.all(this.#followers.map(follower => follower.relist()));
        await this.#resync();
        onFirst();
        first = false;
        failures = 0;
        await pause(resyncEvery * (0.9 + Math.random() * 0.2), signal);
      } catch (error) {
        if (signal.aborted) break;
        logger.warn({ reason: (error as Error).message }, 'the resync failed; trying again');
        await pause(backoffDelay(defaultBackoff, failures++, Math.random()), signal);
      }
    }
  }

  /** Compares all jobs with all resources: finds orphans, and what was changed behind the operator's back. */
  async #resync(): Promise<void> {
    const { jobs, cluster, namespaces, leads } = this.#options;
    const found = new Set<JobKey>();
    const orphans: JobKey[] = [];
    for await (const page of jobs.all()) {
      for (const job of page) {
        const key = jobKey(job);
        const origin = resourceOf(job);
        const resource = this.#cache.get(key);
        const watched = namespaces.length === 0 || namespaces.includes(job.namespace);
        if (resource !== undefined && origin?.uid === resource.metadata.uid) {
          found.add(key);
          this.#holdings.put(job);
        } else if (resource === undefined && origin?.cluster === cluster && watched) orphans.push(key);
      }
    }
    // What is not there any more is read again, and made again.
    for (const { job } of this.#holdings.values()) if (!found.has(jobKey(job))) this.#holdings.forget(jobKey(job));
    await this.#runs.load(this.#holdings.values());
    for (const key of orphans) if (leads()) await this.#reconciler.deleteOrphan(key);
    this.#status.distrust();
    for (const key of this.#cache.keys()) this.#queue.add(key, 'later');
  }

  async #work(): Promise<void> {
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      if (!this.#options.leads()) return;
      const stop = this.#options.metrics.reconcileSeconds.startTimer();
      await this.#reconcile(key);
      stop();
      this.#queue.done(key);
    }
  }

  async #reconcile(key: JobKey): Promise<void> {
    const { metrics, logger } = this.#options;
    try {
      const result = await this.#reconciler.reconcile(key);
      metrics.reconciles.inc({ result: result.kind });
      if (result.kind === 'retry') {
        const wait = this.#queue.retry(key, result.most);
        logger.info({ job: key, reason: result.why, wait }, 'a resource is tried again');
        return;
      }
      this.#queue.succeeded(key);
      if (result.after !== undefined) this.#queue.addAfter(key, result.after);
    } catch (error) {
      metrics.reconciles.inc({ result: 'error' });
      const wait = this.#queue.retry(key);
      const { why, expected } = explainFailure(error);
      logger[expected ? 'warn' : 'error'](
        { job: key, wait, ...(expected ? { reason: why } : { err: error }) },
        'a resource could not be reconciled; trying again',
      );
    }
  }

  #tellTrouble(run: ChangedRun): void {
    const resource = this.#cache.get(jobKey(run));
    if (resource === undefined) return;
    const text = `run ${run.id} ended as ${run.state}${run.message === undefined ? '' : `: ${run.message}`}`;
    this.#events.record(resource, run.state === 'Lost' ? 'RunLost' : 'RunFailed', text);
  }
}
