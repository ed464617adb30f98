import type { Registry } from 'prom-client';
import type { Coordinator } from '../../coordination/coordinator.ts';
import type { Service } from '../../domain/lifecycle.ts';
import type { Clock, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Store } from '../../store/store.ts';
import type { Publisher } from '../services/publisher.ts';
import type { WorkerDirectory } from '../services/workers.ts';
import type { LeaderTiming } from './timing.ts';

export interface LeaderOptions {
  readonly coordinator: Coordinator;
  readonly store: Store;
  readonly publisher: Publisher;
  readonly workers: WorkerDirectory;
  /** This master, for people: it is the lock's value. */
  readonly master: string;
  readonly logger: Logger;
  /** Whether this master's clock may be trusted to lead: `ClockGuard.clockOk`. Default: it may. */
  readonly clockOk?: () => boolean;
  /** Ended runs, their logs and skips are deleted after this. Default 30 days. */
  readonly retainFor?: Milliseconds;
  /** Gets the leader's metrics. Default: none are kept. */
  readonly registry?: Registry;
  /** Default `Date.now`. */
  readonly clock?: Clock;
  /** For tests. Default: the protocol's. */
  readonly timing?: Partial<LeaderTiming>;
}

/** Stands for election; while elected, keeps the epoch, accounts for every elapsed tick and clears up. */
export class Leader implements Service {
  readonly #options: LeaderOptions;

  constructor(options: LeaderOptions) {
    this.#options = options;
  }

  /** Resolves at once: the election goes on in the background. */
  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  /** Whether this master is the leader now. */
  get leading(): boolean {
    return this.#options === undefined;
  }
}
