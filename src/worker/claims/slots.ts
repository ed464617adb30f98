import type { Clock, Instant, Milliseconds } from '../../domain/time.ts';

/** After a failed `lock` the slot is not asked for again so soon: it is held, or under its lock delay. */
const avoidFor: Milliseconds = 1_000;

/**
 * The locks that this worker holds or is asking for. Consul's locks are re-entrant for a session, so that a slot asked
 * for twice would be given twice: this table is what keeps two runs of one worker apart.
 */
export class Slots {
  readonly #clock: Clock;
  readonly #held = new Set<string>();
  readonly #avoided = new Map<string, Instant>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether it was not taken, and now is. */
  take(lockKey: string): boolean {
    if (this.#held.has(lockKey)) return false;
    this.#held.add(lockKey);
    return true;
  }

  free(lockKey: string): void {
    this.#held.delete(lockKey);
  }

  /** Held or asked for by this worker. */
  has(lockKey: string): boolean {
    return this.#held.has(lockKey);
  }

  avoid(lockKey: string): void {
    const now = this.#clock();
    for (const [key, until] of this.#avoided) if (until <= now) this.#avoided.delete(key);
    this.#avoided.set(lockKey, now + avoidFor);
  }

  isAvoided(lockKey: string): boolean {
    return (this.#avoided.get(lockKey) ?? Number.NEGATIVE_INFINITY) > this.#clock();
  }
}
