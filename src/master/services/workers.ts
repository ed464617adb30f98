import { isDeepStrictEqual } from 'node:util';
import type { CheckStatus, Coordinator, ServiceInstance } from '../../coordination/coordinator.ts';
import { watchService } from '../../coordination/watch.ts';
import { decodeWorkerMeta, workerService } from '../../coordination/worker-service.ts';
import type { ExecutorKind, Labels } from '../../domain/job/spec.ts';
import type { Service } from '../../domain/lifecycle.ts';
import { isEligible, type JobNeeds, type WorkerTraits } from '../../domain/policy/eligibility.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import type { Clock, Instant } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import { EligibilityHistory } from './eligibility-history.ts';

/** A worker as the catalog shows it. */
export interface WorkerView {
  readonly id: WorkerId;
  /** As configured: the same after a restart. */
  readonly name: string;
  readonly address: string;
  /** Of its health and metrics. */
  readonly port: number;
  readonly node: string;
  readonly labels: Labels;
  readonly capacity: number;
  readonly executors: readonly ExecutorKind[];
  /** What its modules define: jobs, and executors. */
  readonly modules?: readonly string[];
  readonly customs?: readonly string[];
  /** Where their schemas are: see `WorkerMeta`. */
  readonly catalog?: string;
  /** It may use the Kubernetes API. */
  readonly kubernetes: boolean;
  readonly version: string;
  /** When its process began, where it says so. */
  readonly startedAt?: Instant;
  /** All of its checks pass: it takes part in claiming. */
  readonly ready: boolean;
  /** By check id, `serfHealth` for its node's. */
  readonly checks: Readonly<Record<string, CheckStatus>>;
}

export interface WorkerDirectoryOptions {
  readonly coordinator: Coordinator;
  readonly logger: Logger;
  /** Default `Date.now`. */
  readonly clock?: Clock;
}

/** Follows the catalog: which workers there are, and (for true reasons of skips) which there were. */
export class WorkerDirectory implements Service {
  /** Which workers were ready when, as far as this process saw. */
  readonly history = new EligibilityHistory();
  readonly #options: WorkerDirectoryOptions;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  #watching: Promise<void> | undefined;
  #workers: readonly WorkerView[] = [];
  #seen = false;

  constructor(options: WorkerDirectoryOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
  }

  /** Does not wait for Consul. */
  async start(): Promise<void> {
    const { coordinator, logger } = this.#options;
    this.#watching ??= watchService(coordinator, workerService, {
      signal: this.#stopping.signal,
      onChange: instances => this.#saw(instances),
      onError: (error, attempt) => {
        this.#seen = false;
        this.history.lost(this.#clock());
        if (attempt === 0)
          logger.warn({ reason: (error as Error).message }, 'the catalog of workers could not be read; trying again');
      },
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
    this.#first.resolve();
  }

  /** Resolves when the catalog was seen once, or at `stop`. */
  get firstSight(): Promise<void> {
    return this.#first.promise;
  }

  /** Whether what `list` gives is what the catalog shows now: false while Consul does not answer. */
  get current(): boolean {
    return this.#seen;
  }

  /** By name, then id. */
  list(): readonly WorkerView[] {
    return this.#workers;
  }

  /** Ready workers that may run a job. */
  eligible(needs: JobNeeds): readonly WorkerView[] {
    return this.#workers.filter(worker => worker.ready && isEligible(worker, needs));
  }

  #saw(instances: readonly ServiceInstance[]): void {
    const before = ready(this.#workers);
    this.#workers = instances.map(toView).sort((a, b) => compare(a.name, b.name) || compare(a.id, b.id));
    const now = ready(this.#workers);
    if (!this.#seen || !isDeepStrictEqual(before, now)) this.history.saw(this.#clock(), now);
    this.#seen = true;
    this.#first.resolve();
  }
}

/** What of the ready workers decides who may run what. */
function ready(workers: readonly WorkerView[]): readonly WorkerTraits[] {
  return workers
    .filter(worker => worker.ready)
    .map(({ labels, executors, kubernetes, modules = [], customs = [] }) => {
      return { labels, executors, kubernetes, modules, customs };
    });
}

function toView(instance: ServiceInstance): WorkerView {
  const { id, address, port, node, checks, passing } = instance;
  return { ...decodeWorkerMeta(instance), id: id as WorkerId, address, port, node, checks, ready: passing };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
