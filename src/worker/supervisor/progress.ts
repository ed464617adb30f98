import type { Milliseconds } from '../../domain/time.ts';
import { type AttemptId, attemptId } from './attempt.ts';
import type { Outlet } from './outlet.ts';

/** An attempt may say a thousand times a second how far it is; each report is a write in the database. */
const sayEvery: Milliseconds = 1_000;
const longestMessage = 500;

/** What an attempt says of its progress, on its way to the worker: the newest, at most once a second. */
export class AttemptProgress {
  readonly #id: AttemptId;
  readonly #outlet: Outlet;
  #next: { readonly at: number; readonly percent: number; readonly message?: string } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(id: AttemptId, outlet: Outlet) {
    this.#id = attemptId(id);
    this.#outlet = outlet;
  }

  /** @param percent beyond 0 and 100 it is taken for these; what is no number is not told */
  say(percent: number, message?: string): void {
    if (this.#ended || Number.isNaN(percent)) return;
    const kept = message?.slice(0, longestMessage);
    this.#next = {
      at: Date.now(),
      percent: Math.min(100, Math.max(0, percent)),
      ...(kept !== undefined && kept !== '' && { message: kept }),
    };
    if (this.#timer === undefined) this.#tell();
  }

  /** The last word, before the attempt is reported as finished. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#send();
  }

  #tell(): void {
    this.#timer = undefined;
    if (this.#next === undefined) return;
    this.#send();
    this.#timer = setTimeout(() => this.#tell(), sayEvery);
  }

  #send(): void {
    if (this.#next === undefined) return;
    this.#outlet.send({ type: 'progress', ...this.#id, ...this.#next });
    this.#next = undefined;
  }
}
