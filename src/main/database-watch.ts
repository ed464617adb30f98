import type { Service } from '../domain/lifecycle.ts';
import type { Logger } from '../observability/logger.ts';
import type { Store } from '../store/store.ts';

const every = 2_000;

/** Asks the database every 2 s whether it is there: what readiness is told, and one line when that changes. */
export class DatabaseWatch implements Service {
  readonly #store: Pick<Store, 'ping'>;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #problem: string | undefined;

  constructor(store: Pick<Store, 'ping'>, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Why the database cannot be used now; empty when it can. */
  get reasons(): readonly string[] {
    return this.#problem === undefined ? [] : [`the database does not answer: ${this.#problem}`];
  }

  async start(): Promise<void> {
    await this.#look();
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look());
    }, every);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    try {
      await this.#store.ping();
      if (this.#problem !== undefined) this.#logger.info('the database answers again');
      this.#problem = undefined;
    } catch (error) {
      const problem = (error as Error).message;
      if (this.#problem === undefined) this.#logger.error({ reason: problem }, 'the database does not answer');
      this.#problem = problem;
    }
  }
}
