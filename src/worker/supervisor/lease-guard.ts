import type { Milliseconds } from '../../domain/time.ts';
import type { Clocks } from './clocks.ts';
import type { Lease } from './protocol.ts';

/** A timer counts monotonic time only: this often the wall clock is asked too, which goes on while the machine sleeps. */
const lookEvery: Milliseconds = 200;

export interface LeaseGuardOptions {
  readonly clocks: Clocks;
  /** How long before its end a lease is said to be ending. */
  readonly fenceGrace: Milliseconds;
  /** Called when at most `fenceGrace` is left (again at every look), and with 0 at the lease's end. */
  readonly onEnding: (left: Milliseconds) => void;
}

/** Watches a lease by both clocks: it has passed when either says so. */
export class LeaseGuard {
  readonly #options: LeaseGuardOptions;
  #lease: Lease | undefined;
  #watching = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LeaseGuardOptions) {
    this.#options = options;
  }

  renew(lease: Lease): void {
    this.#lease = lease;
    this.#arm();
  }

  /** What is left of the lease: 0 or less when it has passed, undefined when there never was one. */
  left(): Milliseconds | undefined {
    if (!this.#lease) return undefined;
    const { clocks } = this.#options;
    return Math.min(this.#lease.monotonic - clocks.monotonic(), this.#lease.wall - clocks.wall());
  }

  /** Whether anything depends on the lease; only then is there a timer. */
  watch(on: boolean): void {
    if (on === this.#watching) return;
    this.#watching = on;
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (!this.#watching) return;
    const left = this.left() ?? 0;
    const untilEnding = left - this.#options.fenceGrace;
    const wait = untilEnding > 0 ? untilEnding : Math.max(left, 0);
    // At or past its end there is nothing to hit exactly any more, only to look again.
    this.#timer = setTimeout(() => this.#arm(), left > 0 ? Math.min(wait, lookEvery) : lookEvery);
    if (untilEnding <= 0) this.#options.onEnding(Math.max(left, 0));
  }
}
