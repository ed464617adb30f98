import { CronmeshError } from '../../../domain/errors.ts';
import type { Milliseconds } from '../../../domain/time.ts';

/** How much of one kind of requests may be under way in this process. */
export interface GateLimits {
  /** At once. */
  readonly active: number;
  /** Of them, of one client (address); half of them when it is left out. */
  readonly activePerClient?: number;
  /** How many more may wait for a place; of one client, half of them. */
  readonly waiting: number;
  /** How long they may. */
  readonly patience: Milliseconds;
}

/** Why a request was refused, for metrics. */
export type Shed = 'total' | 'client' | 'patience' | 'loop';

/** A request that was refused since there is too much to do: nothing of it was done. */
export class ShedError extends CronmeshError {
  override readonly name = 'ShedError';
  readonly why: Shed;

  constructor(why: Shed, message: string) {
    super(why === 'client' ? 'TooManyRequests' : 'Overloaded', message, { retryable: true });
    this.why = why;
  }
}

interface Waiting {
  readonly client: string;
  readonly enter: () => void;
}

/**
 * Lets a bounded number of requests in, some of them after a short wait, and refuses the others. The oldest goes first,
 * but no client has more than its share: those behind it pass it.
 *
 * @example
 * const leave = await gate.enter('10.0.0.7');
 * try { … } finally { leave(); }
 */
export class Gate {
  readonly #what: string;
  readonly #limits: Required<GateLimits>;
  readonly #waitingPerClient: number;
  readonly #active = new Map<string, number>();
  readonly #queued = new Map<string, number>();
  readonly #queue = new Set<Waiting>();
  #count = 0;
  #admitting = false;

  /** @param what for the messages: `reads` */
  constructor(what: string, limits: GateLimits) {
    this.#what = what;
    this.#limits = { activePerClient: Math.ceil(limits.active / 2), ...limits };
    this.#waitingPerClient = Math.ceil(limits.waiting / 2);
  }

  /** Requests that are in. */
  get active(): number {
    return this.#count;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** Resolves with the function that gives the place back, which may be called twice. @throws ShedError */
  async enter(client: string): Promise<() => void> {
    await this.#wait(client);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#give(client);
    };
  }

  #mayEnter(client: string): boolean {
    const { active, activePerClient } = this.#limits;
    return this.#count < active && countOf(this.#active, client) < activePerClient;
  }

  #take(client: string): void {
    this.#count++;
    change(this.#active, client, 1);
  }

  #give(client: string): void {
    this.#count--;
    change(this.#active, client, -1);
    this.#admitSoon();
  }

  /**
   * In a turn of the event loop of its own, nobody excepted: a database in this process answers without one. Of a
   * thousand sockets that are ready at once each would be let in, served and gone before the next one's turn, the gate
   * never full, and no timer would have its turn for the seconds that it takes.
   */
  #admitSoon(): void {
    if (this.#queue.size === 0 || this.#admitting) return;
    this.#admitting = true;
    setImmediate(() => {
      this.#admitting = false;
      for (const next of this.#queue) {
        if (this.#count >= this.#limits.active) return;
        if (this.#mayEnter(next.client)) next.enter();
      }
    });
  }

  async #wait(client: string): Promise<void> {
    this.#requireRoom(client);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting: Waiting = {
      client,
      enter: () => {
        this.#leaveQueue(waiting);
        this.#take(client);
        resolve();
      },
    };
    this.#queue.add(waiting);
    change(this.#queued, client, 1);
    // Those that are ahead may be waiting for their own share only.
    this.#admitSoon();
    const { patience } = this.#limits;
    const timer = setTimeout(() => {
      this.#leaveQueue(waiting);
      reject(new ShedError('patience', `the ${this.#what} before this one took longer than ${patience} ms; try again`));
    }, patience);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #requireRoom(client: string): void {
    const { active, activePerClient, waiting } = this.#limits;
    const share = activePerClient + this.#waitingPerClient;
    if (countOf(this.#active, client) + countOf(this.#queued, client) >= share) {
      throw new ShedError('client', `${share} ${this.#what} of one client are under way, the most there may be`);
    }
    // Some of those in the queue have a place already, and only wait for their turn of the loop.
    if (this.#queue.size >= waiting + active - this.#count) {
      throw new ShedError('total', `${active + waiting} ${this.#what} are under way, the most there may be; try again`);
    }
  }

  #leaveQueue(waiting: Waiting): void {
    this.#queue.delete(waiting);
    change(this.#queued, waiting.client, -1);
  }
}

const countOf = (counts: ReadonlyMap<string, number>, client: string): number => counts.get(client) ?? 0;

function change(counts: Map<string, number>, client: string, by: number): void {
  const count = countOf(counts, client) + by;
  if (count === 0) counts.delete(client);
  else counts.set(client, count);
}
