import type { Registry } from 'prom-client';
import type { Coordinator } from '../../coordination/coordinator.ts';
import type { Service } from '../../domain/lifecycle.ts';
import type { Clock, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { NewRun, Run, Store } from '../../store/store.ts';
import type { Publishing } from './publishing.ts';

export interface PublisherOptions {
  readonly coordinator: Coordinator;
  readonly store: Store;
  readonly logger: Logger;
  /** Gets `cronmesh_publication_lag_seconds`. Default: none is kept. */
  readonly registry?: Registry;
  /** Default `Date.now`. */
  readonly clock?: Clock;
}

/** Carries jobs, triggers and kills from the database to Consul. Every master has one; the leader's also sweeps. */
export class Publisher implements Service, Publishing {
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  async publish(_keys: readonly { readonly namespace: string; readonly name: string }[]): Promise<void> {}
  async publishTrigger(_run: NewRun): Promise<void> {}
  async requestKill(_run: Run, _by: string): Promise<void> {}

  /** How long the oldest unpublished change has waited, as the last sweep saw it; 0 where another master sweeps. */
  get lag(): Milliseconds {
    return this.#options === undefined ? 0 : 0;
  }
}
