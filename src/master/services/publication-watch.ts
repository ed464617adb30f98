import type { Registry } from 'prom-client';
import type { Service } from '../../domain/lifecycle.ts';
import type { Clock, Instant, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import { observedGauge } from '../../observability/registry.ts';
import type { Store } from '../../store/store.ts';

export interface PublicationWatchOptions {
  readonly store: Pick<Store, 'pendingPublications'>;
  readonly logger: Logger;
  /** Gets `cronmesh_publication_lag_seconds`. Default: none is kept. */
  readonly registry?: Registry;
  /** Default `Date.now`. */
  readonly clock?: Clock;
}

const every: Milliseconds = 2_000;

/**
 * Looks every 2 s at the oldest row of the outbox: while it stays the same, so long has a change waited for Consul. Each
 * master looks for itself, so that it is known while no master leads.
 */
export class PublicationWatch implements Service {
  readonly #options: PublicationWatchOptions;
  readonly #clock: Clock;
  #oldest: { readonly id: number; readonly since: Instant } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: PublicationWatchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    const help = 'How long the oldest change of a job has waited to be published to Consul';
    const { registry } = options;
    if (registry !== undefined) {
      observedGauge(registry, 'cronmesh_publication_lag_seconds', help, () => this.lag / 1_000);
    }
  }

  /** How long the oldest unpublished change has waited, as far as this process saw. */
  get lag(): Milliseconds {
    return this.#oldest === undefined ? 0 : this.#clock() - this.#oldest.since;
  }

  /** Does not wait for the database. */
  async start(): Promise<void> {
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.look());
    }, every);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** One look; what the database does not tell stays as it was. Never rejects. */
  async look(): Promise<void> {
    try {
      const [row] = await this.#options.store.pendingPublications(1);
      if (row === undefined) this.#oldest = undefined;
      else if (row.id !== this.#oldest?.id) this.#oldest = { id: row.id, since: this.#clock() };
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'the outbox could not be looked at');
    }
  }
}
