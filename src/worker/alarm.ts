import type { Clock, Instant, Milliseconds } from '../domain/time.ts';
import { Heap } from './agenda/heap.ts';

interface Appointment {
  readonly at: Instant;
  readonly run: () => void;
}

/** The wall clock may be stepped while we sleep: it is looked at again at least this often. */
const longestSleep: Milliseconds = 1_000;

/** One timer for any number of appointments by the wall clock, in order; never early, late by the event loop's lag. */
export class Alarm {
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #appointments = new Heap<Appointment>();
  #timer: NodeJS.Timeout | undefined;
  #wakesAt: Instant = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.#onError = onError;
  }

  /** Calls `run` once the clock shows `at`; at once (but not before this returns) when it does already. */
  at(at: Instant, run: () => void): void {
    this.#appointments.push({ at, run });
    if (at < this.#wakesAt) this.#arm();
  }

  /** Forgets every appointment. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wakesAt = Number.POSITIVE_INFINITY;
    this.#appointments.clear();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const first = this.#appointments.first;
    this.#wakesAt = first?.at ?? Number.POSITIVE_INFINITY;
    if (first === undefined) return;
    const sleep = Math.min(longestSleep, Math.max(0, Math.ceil(first.at - this.#clock())));
    this.#timer = setTimeout(() => this.#ring(), sleep);
  }

  #ring(): void {
    // Everything due is run before the timer is set again: what they add is looked at then.
    this.#wakesAt = Number.NEGATIVE_INFINITY;
    const now = this.#clock();
    for (let due = this.#appointments.popDue(now); due !== undefined; due = this.#appointments.popDue(now)) {
      try {
        due.run();
      } catch (error) {
        this.#onError(error);
      }
    }
    this.#arm();
  }
}
