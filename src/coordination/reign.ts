import type { Milliseconds } from '../domain/time.ts';
import type { Operation, SessionId } from './coordinator.ts';
import { monotonicNow } from './monotonic.ts';

/** What an elected candidate has until `signal` is aborted. */
export interface Leadership {
  readonly role: string;
  readonly session: SessionId;
  readonly lockKey: string;
  readonly term: number;
  /** Aborted at once when the leadership ends. */
  readonly signal: AbortSignal;
  /** Whether it holds now: false too when this process was stopped for so long that the session may have ended. */
  readonly valid: boolean;
  /** Goes into every transaction of the leader: it then fails when another has been elected. */
  readonly guard: Operation;
}

const late = 'the session was not renewed in time';

/** One leadership, with the fence that ends it. */
export class Reign implements Leadership {
  readonly role: string;
  readonly session: SessionId;
  readonly lockKey: string;
  readonly term: number;
  readonly guard: Operation;
  readonly #ending = new AbortController();
  readonly #ended = Promise.withResolvers<string>();
  #until: Milliseconds;
  #timer: NodeJS.Timeout;

  /** `until`: when its fence falls, on the monotonic clock. */
  constructor(reign: Omit<Leadership, 'signal' | 'valid' | 'guard'> & { readonly until: Milliseconds }) {
    this.role = reign.role;
    this.session = reign.session;
    this.lockKey = reign.lockKey;
    this.term = reign.term;
    this.guard = { verb: 'check-session', key: reign.lockKey, session: reign.session };
    this.#until = reign.until;
    this.#timer = this.#fence();
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  get valid(): boolean {
    return !this.#ending.signal.aborted && monotonicNow() < this.#until;
  }

  /** Resolves with why it ended. */
  get ended(): Promise<string> {
    return this.#ended.promise;
  }

  /** Moves the fence, unless it has fallen: another may lead by now, even if its timer here is late. */
  extend(until: Milliseconds): void {
    clearTimeout(this.#timer);
    if (this.valid) this.#until = until;
    this.#timer = this.#fence();
  }

  end(why: string): void {
    if (this.#ending.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#ending.abort(new Error(why));
    this.#ended.resolve(why);
  }

  #fence(): NodeJS.Timeout {
    return setTimeout(() => this.end(late), Math.max(0, this.#until - monotonicNow()));
  }
}
