import type { Service } from '../domain/lifecycle.ts';
import type { WorkerOptions, WorkerStatus } from './options.ts';

export type { WorkerOptions, WorkerStatus } from './options.ts';

/** A worker: holds the jobs it is eligible for, claims their ticks, has them run, and gives the locks back. */
export class Worker implements Service {
  readonly #options: WorkerOptions;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Resolves when jobs are loaded, the session is there and the service is registered; being ready may come later. */
  async start(): Promise<void> {}

  /** Drains: claiming stops, runs finish within `drain`, locks are released, the session and the service go. */
  async stop(): Promise<void> {}

  /** Takes no more work (`false` takes it up again); runs go on. */
  cordon(_on = true): void {}

  status(): WorkerStatus {
    const { id, name, capacity } = this.#options;
    return {
      id,
      name,
      ready: false,
      reasons: ['it has not been started'],
      running: 0,
      capacity,
      held: false,
      draining: false,
      cordoned: false,
      jobs: 0,
    };
  }
}
