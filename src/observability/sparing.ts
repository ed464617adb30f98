import type { Milliseconds } from '../domain/time.ts';

const mostKeys = 1_000;

/**
 * Keeps the log readable under an attack: of what happens again and again under one key, the first is said at once and
 * the rest as a number, each minute.
 */
export class Sparing {
  readonly #said = new Map<string, { readonly at: Milliseconds; unsaid: number }>();
  readonly #every: Milliseconds;
  readonly #now: () => Milliseconds;

  /** @param every default one minute */
  constructor(every: Milliseconds = 60_000, now: () => Milliseconds = () => performance.now()) {
    this.#every = every;
    this.#now = now;
  }

  /** Calls `say` with how often it happened unsaid since it was said last, or not at all. */
  say(key: string, say: (unsaid: number) => void): void {
    const now = this.#now();
    const before = this.#said.get(key);
    if (before !== undefined && now - before.at < this.#every) {
      before.unsaid++;
      return;
    }
    this.#said.delete(key);
    if (this.#said.size >= mostKeys) {
      const oldest = this.#said.keys().next();
      if (!oldest.done) this.#said.delete(oldest.value);
    }
    this.#said.set(key, { at: now, unsaid: 0 });
    say(before?.unsaid ?? 0);
  }
}
