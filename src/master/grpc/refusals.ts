import type { Clock, Milliseconds } from '../../domain/time.ts';

/** A newer master may know what this one does not: the worker gets this long to find one, in milliseconds. */
const patience: Milliseconds = 60_000;
const mostRemembered = 10_000;

/**
 * Remembers which reports could not be read, and since when. At first such a report is refused, and its worker tries
 * it on other masters; after a minute it is given up, so that one report never holds back a spool for ever.
 */
export class Refusals {
  readonly #since = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the report has been refused for long enough to give it up. */
  isHopeless(spool: string, sequence: number): boolean {
    const key = `${spool}/${sequence}`;
    const now = this.#clock();
    const since = this.#since.get(key);
    if (since === undefined) {
      if (this.#since.size >= mostRemembered) this.#forgetOldest();
      this.#since.set(key, now);
      return false;
    }
    return now - since >= patience;
  }

  settle(spool: string, sequence: number): void {
    this.#since.delete(`${spool}/${sequence}`);
  }

  #forgetOldest(): void {
    const oldest = this.#since.keys().next();
    if (!oldest.done) this.#since.delete(oldest.value);
  }
}
