import type { Registry } from 'prom-client';
import type { Coordinator } from '../coordination/coordinator.ts';
import { epochKey } from '../coordination/keys.ts';
import type { Service } from '../domain/lifecycle.ts';
import type { Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import { observedGauge } from '../observability/registry.ts';
import type { Store } from '../store/store.ts';

export interface ServerWatchOptions {
  /** As people call it: `the database`. */
  readonly what: string;
  /** Resolves when the server answers. */
  readonly ping: (signal: AbortSignal) => Promise<unknown>;
  readonly logger: Logger;
  /** Gets the gauge `metric`: 1 while it answers, else 0. Default: none is kept. */
  readonly registry?: Registry;
  readonly metric: 'cronmesh_database_up' | 'cronmesh_consul_up';
}

const every: Milliseconds = 2_000;
/** A server that hangs says nothing, and is as good as away. */
const patience: Milliseconds = 3_000;

/** Asks a server every 2 s whether it is there: what readiness and metrics are told, and one line when that changes. */
export class ServerWatch implements Service {
  readonly #options: ServerWatchOptions;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #problem: string | undefined;

  constructor(options: ServerWatchOptions) {
    this.#options = options;
    const { what, metric, registry } = options;
    const up = (): number => (this.#problem === undefined ? 1 : 0);
    if (registry !== undefined) observedGauge(registry, metric, `Whether ${what} answers this process`, up);
  }

  /** Why the server cannot be used now; empty when it can. */
  get reasons(): readonly string[] {
    return this.#problem === undefined ? [] : [`${this.#options.what} does not answer: ${this.#problem}`];
  }

  async start(): Promise<void> {
    await this.#look();
    this.#next();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #next(): void {
    if (this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().then(() => this.#next());
    }, every);
  }

  async #look(): Promise<void> {
    const { what, logger } = this.#options;
    try {
      await this.#ping();
      if (this.#problem !== undefined) logger.info(`${what} answers again`);
      this.#problem = undefined;
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      const problem = (error as Error).message;
      if (this.#problem === undefined) logger.error({ reason: problem }, `${what} does not answer`);
      this.#problem = problem;
    }
  }

  /** A ping that does not look at its signal goes on; nobody waits for it. */
  async #ping(): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`no answer within ${patience / 1_000} s`)), patience);
    const stopped = (): void => reject(this.#stopping.signal.reason);
    const { signal } = this.#stopping;
    signal.addEventListener('abort', stopped, { once: true });
    try {
      const answer = this.#options.ping(AbortSignal.any([signal, AbortSignal.timeout(patience)]));
      await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stopped);
    }
  }
}

/** Whether the database answers. */
export function databaseWatch(
  store: Pick<Store, 'ping'>,
  options: Pick<ServerWatchOptions, 'logger' | 'registry'>,
): ServerWatch {
  return new ServerWatch({
    ...options,
    what: 'the database',
    metric: 'cronmesh_database_up',
    ping: () => store.ping(),
  });
}

/** Whether Consul has a quorum, as this process sees it. */
export function consulWatch(
  coordinator: Pick<Coordinator, 'get'>,
  options: Pick<ServerWatchOptions, 'logger' | 'registry'>,
): ServerWatch {
  const ping = (signal: AbortSignal) => coordinator.get(epochKey, { consistent: true, signal });
  return new ServerWatch({ ...options, what: 'Consul', metric: 'cronmesh_consul_up', ping });
}
