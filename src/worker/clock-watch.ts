import { monotonicNow } from '../coordination/monotonic.ts';
import type { Clock, Instant, Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import { ClockGuard } from './clock-guard.ts';

export interface ClockWatchOptions {
  readonly clock: Clock;
  /** The wall clock was stepped, or the machine slept. */
  readonly onStep: () => void;
  /** The clock became wrong, or right again. */
  readonly onVerdict: () => void;
  readonly logger: Logger;
}

/** Looks at the clock guard each second, and keeps its verdict for those who ask often. */
export class ClockWatch {
  readonly #options: ClockWatchOptions;
  readonly #guard = new ClockGuard({ monotonic: monotonicNow });
  #timer: NodeJS.Timeout | undefined;
  #reason: string | undefined;

  constructor(options: ClockWatchOptions) {
    this.#options = options;
  }

  /** Why the clock is not to be trusted; undefined while it is. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** How far the own clock is ahead of the others' median. */
  get offset(): Milliseconds | undefined {
    return this.#guard.offset;
  }

  /** `source` wrote `shown` by its clock when the own one showed `ours`. */
  sample(source: string, shown: Instant, ours: Instant): void {
    this.#guard.sample(source, shown, ours);
    // A process whose clock is wrong must know it before its first claim.
    this.#judge();
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), 1_000);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { clock, onStep, logger } = this.#options;
    const stepped = this.#guard.step(clock());
    if (stepped !== 0) {
      logger.warn({ by: Math.round(stepped) }, 'the clock was stepped, or the machine slept: ticks are planned anew');
      onStep();
    }
    this.#judge();
  }

  #judge(): void {
    const wasRight = this.#reason === undefined;
    this.#reason = this.#guard.reason;
    if (wasRight !== (this.#reason === undefined)) this.#options.onVerdict();
  }
}
