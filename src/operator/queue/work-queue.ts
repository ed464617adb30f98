import { type BackoffPolicy, backoffDelay } from '../../domain/backoff.ts';
import type { Milliseconds } from '../../domain/time.ts';

/** `now`: somebody waits for it. `later`: routine; it goes only when nothing else waits. */
export type Lane = 'now' | 'later';

export interface WorkQueueOptions {
  /** Waits between tries of a key that fails. Default 0.25 s doubling to 60 s, with jitter. */
  readonly backoff?: BackoffPolicy;
  /** In [0, 1). Default `Math.random`. */
  readonly random?: () => number;
}

export const reconcileBackoff: BackoffPolicy = { initial: 250, maximum: 60_000, factor: 2 };

/**
 * Keys that wait to be worked on, as controllers have them: a key waits once however often it is added, and is never
 * worked on twice at once; one that is added meanwhile comes again after. A key has at most one timer: the last set.
 *
 * @example queue.add('default/a'); const key = await queue.take(signal); …; queue.done(key);
 */
export class WorkQueue<K> {
  readonly #backoff: BackoffPolicy;
  readonly #random: () => number;
  readonly #waiting: Record<Lane, Set<K>> = { now: new Set(), later: new Set() };
  readonly #working = new Set<K>();
  /** Added while they were worked on. */
  readonly #again = new Map<K, Lane>();
  readonly #timers = new Map<K, NodeJS.Timeout>();
  readonly #failures = new Map<K, number>();
  readonly #takers: ((key: K | undefined) => void)[] = [];
  #closed = false;

  constructor(options: WorkQueueOptions = {}) {
    this.#backoff = options.backoff ?? reconcileBackoff;
    this.#random = options.random ?? Math.random;
  }

  /** Keys that wait now; those with a timer do not count. */
  get depth(): number {
    return this.#waiting.now.size + this.#waiting.later.size + this.#again.size;
  }

  add(key: K, lane: Lane = 'now'): void {
    if (this.#closed) return;
    if (this.#working.has(key)) {
      if (this.#again.get(key) !== 'now') this.#again.set(key, lane);
      return;
    }
    if (this.#waiting.now.has(key)) return;
    if (lane === 'now') this.#waiting.later.delete(key);
    this.#waiting[lane].add(key);
    this.#serve();
  }

  /** Adds it after a while, as routine; instead of what its timer was set to. */
  addAfter(key: K, delay: Milliseconds, lane: Lane = 'later'): void {
    this.#disarm(key);
    if (this.#closed) return;
    // Node fires a longer timer at once.
    const timer = setTimeout(
      () => {
        this.#timers.delete(key);
        this.add(key, lane);
      },
      Math.min(Math.max(0, delay), 2 ** 31 - 1),
    );
    this.#timers.set(key, timer);
  }

  /** Adds it after a wait that grows with each failure in a row, but not above `most`. Gives the wait. */
  retry(key: K, most: Milliseconds = Number.POSITIVE_INFINITY): Milliseconds {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const delay = Math.min(most, backoffDelay(this.#backoff, failures, this.#random()));
    this.addAfter(key, delay, 'now');
    return delay;
  }

  /** It went well: the next failure is the first. */
  succeeded(key: K): void {
    this.#failures.delete(key);
  }

  /** The next key, as soon as there is one; undefined once the queue is closed. `done` must follow. */
  async take(): Promise<K | undefined> {
    if (this.#closed) return undefined;
    return await new Promise(resolve => {
      this.#takers.push(resolve);
      this.#serve();
    });
  }

  done(key: K): void {
    this.#working.delete(key);
    const lane = this.#again.get(key);
    this.#again.delete(key);
    if (lane !== undefined) this.add(key, lane);
  }

  /** Nothing is taken any more, and no timer is left. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #serve(): void {
    while (this.#takers.length > 0) {
      const lane = this.#waiting.now.size > 0 ? this.#waiting.now : this.#waiting.later;
      const next = lane.values().next();
      if (next.done) return;
      lane.delete(next.value);
      this.#working.add(next.value);
      // What it was set for is done now.
      this.#disarm(next.value);
      this.#takers.shift()?.(next.value);
    }
  }

  #disarm(key: K): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }
}
