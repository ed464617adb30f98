/** Bytes that may be in memory: whoever took some while it was `spent` waits for room before taking more. */
export class Budget {
  readonly #most: number;
  #taken = 0;
  #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  get spent(): boolean {
    return this.#taken >= this.#most;
  }

  take(bytes: number): void {
    this.#taken += bytes;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
    // At half: waking everybody at each byte that comes free would only put them to sleep again.
    if (this.#taken > this.#most / 2) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Calls back once half of it is free. */
  whenRoom(wake: () => void): void {
    this.#waiting.push(wake);
  }
}
