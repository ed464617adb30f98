import { randomUUID } from 'node:crypto';
import type { Milliseconds } from '../../domain/time.ts';
import { CoordinationError, type SessionId, type SessionOptions } from '../coordinator.ts';

interface Session {
  readonly options: SessionOptions;
  timer: NodeJS.Timeout;
}

/** Consul keeps a session twice its TTL without a renewal. */
const ttlMultiplier = 2;
const minTtl: Milliseconds = 10_000;

/** Leases by timers. */
export class Sessions {
  readonly #sessions = new Map<SessionId, Session>();
  readonly #onEnd: (id: SessionId, options: SessionOptions) => void;

  constructor(onEnd: (id: SessionId, options: SessionOptions) => void) {
    this.#onEnd = onEnd;
  }

  has(id: SessionId): boolean {
    return this.#sessions.has(id);
  }

  create(options: SessionOptions): SessionId {
    if (options.ttl < minTtl) {
      throw new CoordinationError(`a session's TTL of ${options.ttl} ms is too small: at least 10 s`, 'refused', 400);
    }
    const id = randomUUID();
    this.#sessions.set(id, { options, timer: this.#expiry(id, options.ttl) });
    return id;
  }

  renew(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (session === undefined)
      throw new CoordinationError(`session ${id} is not there: make a new one`, 'refused', 404);
    clearTimeout(session.timer);
    session.timer = this.#expiry(id, session.options.ttl);
  }

  /** Ends a session, for whatever reason. */
  end(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    clearTimeout(session.timer);
    this.#sessions.delete(id);
    this.#onEnd(id, session.options);
  }

  /** Ends all sessions that live by a check. */
  endWithCheck(check: string): void {
    for (const [id, session] of [...this.#sessions]) if (session.options.serviceChecks.includes(check)) this.end(id);
  }

  /** Forgets all sessions without a word. */
  clear(): void {
    for (const session of this.#sessions.values()) clearTimeout(session.timer);
    this.#sessions.clear();
  }

  #expiry(id: SessionId, ttl: Milliseconds): NodeJS.Timeout {
    return setTimeout(() => this.end(id), ttl * ttlMultiplier).unref();
  }
}
