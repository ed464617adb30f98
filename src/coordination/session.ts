import { type BackoffPolicy, backoffDelay } from '../domain/backoff.ts';
import type { Service } from '../domain/lifecycle.ts';
import { timing } from '../domain/policy/timing.ts';
import type { Clock, Instant, Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import { CoordinationError, type Coordinator, type SessionId, type SessionOptions } from './coordinator.ts';
import { monotonicNow } from './monotonic.ts';
import { pause } from './pause.ts';

/** A renewal (or the creation) that succeeded: when it was *sent*. What follows from it counts from then. */
export interface SessionLease {
  readonly session: SessionId;
  /** `monotonicNow()`: the same in all processes of the machine. */
  readonly sentMonotonic: Milliseconds;
  readonly sentWall: Instant;
}

export interface SessionKeeperOptions {
  readonly coordinator: Coordinator;
  readonly logger: Logger;
  readonly session: SessionOptions;
  /** Default 1 s. */
  readonly renewEvery?: Milliseconds;
  /** A session was made; its first lease follows. */
  onSession?(session: SessionId): void;
  onLease?(lease: SessionLease): void;
  /** The session is gone, and its locks with it; a new one is made next. */
  onLost?(why: string, session: SessionId): void;
  /** `stop` destroys the session. Default false: its owner does, after its locks. */
  readonly destroyOnStop?: boolean;
  /** Default `Date.now`. */
  readonly clock?: Clock;
}

/** Between tries to make a session: short, since nothing runs without one. */
const creation: BackoffPolicy = { initial: 100, maximum: 1_000, factor: 2 };

/**
 * Keeps a session alive: makes it (again and again while its checks are critical or Consul is away), renews it each
 * second, and makes a new one when it is gone. Listeners are called, not waited for: they can't hold up a renewal.
 */
export class SessionKeeper implements Service {
  readonly #options: SessionKeeperOptions;
  readonly #renewEvery: Milliseconds;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #session: SessionId | undefined;
  /** Cuts the pause before the next renewal short. */
  #hurry = new AbortController();

  constructor(options: SessionKeeperOptions) {
    this.#options = options;
    this.#renewEvery = options.renewEvery ?? timing.renewEvery;
    this.#clock = options.clock ?? Date.now;
  }

  /** The session that is kept; undefined while there is none. After `stop` the last one, where it was not destroyed. */
  get session(): SessionId | undefined {
    return this.#session;
  }

  /** Resolves when the first session is there, or at `stop`. */
  async start(): Promise<void> {
    this.#running ??= this.#run();
    await this.#first.promise;
  }

  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return this.#running;
    this.#stopping.abort();
    this.#hurry.abort();
    await this.#running;
    this.#first.resolve();
    const session = this.#session;
    if (session === undefined || this.#options.destroyOnStop !== true) return;
    this.#session = undefined;
    try {
      await this.#options.coordinator.destroySession(session);
    } catch (error) {
      this.#options.logger.warn({ err: error, session }, 'the session could not be destroyed: it ends by its TTL');
    }
  }

  /** Renews now, not at the next second: for an owner that has found one of its locks gone. */
  renewNow(): void {
    this.#hurry.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; ) {
      try {
        const sent = await this.#create();
        this.#first.resolve();
        attempt = 0;
        await this.#keep(sent, signal);
      } catch (error) {
        this.#options.logger.warn({ err: error, attempt }, 'no session could be made; trying again');
        await pause(backoffDelay(creation, attempt++, Math.random()), signal);
      }
    }
  }

  /** Gives when it was sent. */
  async #create(): Promise<Milliseconds> {
    const sentMonotonic = monotonicNow();
    const sentWall = this.#clock();
    const session = await this.#options.coordinator.createSession(this.#options.session);
    this.#session = session;
    this.#options.logger.info({ session }, 'session made');
    this.#tell(() => this.#options.onSession?.(session));
    this.#tell(() => this.#options.onLease?.({ session, sentMonotonic, sentWall }));
    return sentMonotonic;
  }

  /** Renews until the session is gone. */
  async #keep(created: Milliseconds, signal: AbortSignal): Promise<void> {
    let sentMonotonic = created;
    while (!signal.aborted) {
      this.#hurry = new AbortController();
      await pause(sentMonotonic + this.#renewEvery - monotonicNow(), this.#hurry.signal);
      const session = this.#session;
      if (signal.aborted || session === undefined) return;
      sentMonotonic = monotonicNow();
      const sentWall = this.#clock();
      try {
        await this.#options.coordinator.renewSession(session, signal);
        this.#tell(() => this.#options.onLease?.({ session, sentMonotonic, sentWall }));
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof CoordinationError) || error.status !== 404) {
          // It may still be there: only the server says when it is not.
          this.#options.logger.warn({ err: error, session }, 'the session could not be renewed; trying again');
          continue;
        }
        this.#session = undefined;
        this.#options.logger.warn({ session }, 'the session is gone');
        this.#tell(() => this.#options.onLost?.('the session is gone', session));
        return;
      }
    }
  }

  #tell(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a listener of the session failed');
    }
  }
}
