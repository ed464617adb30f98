import { setTimeout as delay } from 'node:timers/promises';
import type { Coordinator, ServiceRegistration } from '../coordination/coordinator.ts';
import { within } from '../coordination/within.ts';
import type { Service } from '../domain/lifecycle.ts';
import type { Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';

/** An agent forgets its services when its folder is lost: they are registered again at this pace, which changes nothing where they are there. */
const every: Milliseconds = 2_000;

/** Keeps this process registered in the catalog, whatever becomes of the agent. */
export class Registration implements Service {
  readonly #coordinator: Coordinator;
  readonly #registration: ServiceRegistration;
  readonly #logger: Logger;
  readonly #stopping = new AbortController();
  readonly #tried = Promise.withResolvers<void>();
  #running: Promise<void> = Promise.resolve();
  #registered = false;

  constructor(coordinator: Coordinator, registration: ServiceRegistration, logger: Logger) {
    this.#coordinator = coordinator;
    this.#registration = registration;
    this.#logger = logger;
  }

  /** Waits a moment for the first try, since a session needs the checks; not for Consul: a master without it still takes jobs. */
  async start(): Promise<void> {
    this.#running = this.#keep();
    await within(1_000, this.#tried.promise);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    if (!this.#registered) return;
    await this.#coordinator.deregister(this.#registration.id).catch(error => {
      this.#logger.warn(
        { reason: (error as Error).message },
        'could not deregister; the agent will, when its checks fail',
      );
    });
  }

  async #keep(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        if (!(await this.#known())) await this.#coordinator.register(this.#registration);
        if (!this.#registered) this.#logger.info({ service: this.#registration.id }, 'registered');
        this.#registered = true;
      } catch (error) {
        if (this.#registered) this.#logger.warn({ reason: (error as Error).message }, 'waiting for Consul to register');
        this.#registered = false;
      }
      this.#tried.resolve();
      await delay(this.#registered ? every : 1_000, undefined, { signal: this.#stopping.signal }).catch(() => {});
    }
  }

  async #known(): Promise<boolean> {
    const { service, id } = this.#registration;
    const { value } = await this.#coordinator.blockService(service, {
      index: 0,
      wait: 0,
      signal: this.#stopping.signal,
    });
    return value.some(instance => instance.id === id);
  }
}
