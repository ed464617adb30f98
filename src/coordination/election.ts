import { backoffDelay, defaultBackoff } from '../domain/backoff.ts';
import type { Service } from '../domain/lifecycle.ts';
import type { Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import type { Coordinator, Entry, Operation, SessionId } from './coordinator.ts';
import { leaderPath } from './keys.ts';
import { monotonicNow } from './monotonic.ts';
import { pause } from './pause.ts';
import { encode, type LeaderRecord } from './records.ts';
import { type Leadership, Reign } from './reign.ts';
import { SessionKeeper, type SessionLease } from './session.ts';
import { watchKey } from './watch.ts';

export type { Leadership } from './reign.ts';

export interface ElectionOptions {
  readonly coordinator: Coordinator;
  readonly logger: Logger;
  readonly role: string;
  /** This candidate's name: the lock's value, for people. */
  readonly candidate: string;
  /** Asks the database for the next term of the role. Called only with the lock held, so that losers raise no term. */
  nextTerm(): Promise<number>;
  /** Called one after the other. `onLost` waits for its `onElected`, which therefore must end when the signal is aborted. */
  onElected(leadership: Leadership): void | Promise<void>;
  onLost?(leadership: Leadership, why: string): void | Promise<void>;
  /** Whether this candidate may lead now (its clock is right). Asked before each try. Default: it may. */
  eligible?(): boolean;
  /** Checks in the catalog that the session ends with: a candidate that died is then followed within seconds. */
  readonly serviceChecks?: readonly string[] | undefined;
  /** Of the session. Default 10 s, Consul's smallest. */
  readonly ttl?: Milliseconds;
  /** After a leader that was lost, not after one that stepped down. Default 1 s. */
  readonly lockDelay?: Milliseconds;
}

/** Steps down when this part of the TTL has passed since the last successful renewal was sent. */
const fencePart = 0.8;
/** Between looks at a lock that nobody holds but that can't be had yet (lock delay), or while not eligible. */
const retryEvery: Milliseconds = 250;

/**
 * Stands for the lock `cron/leader/<role>` with a session of its own, again and again. At most one candidate leads,
 * and it stops before its session could have ended elsewhere.
 */
export class Election implements Service {
  readonly #options: ElectionOptions;
  readonly #lockKey: string;
  readonly #ttl: Milliseconds;
  readonly #logger: Logger;
  readonly #keeper: SessionKeeper;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #reign: Reign | undefined;
  /** The last successful renewal. */
  #lease: SessionLease | undefined;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#lockKey = leaderPath(options.role);
    this.#ttl = options.ttl ?? 10_000;
    this.#logger = options.logger.child({ role: options.role });
    this.#keeper = new SessionKeeper({
      coordinator: options.coordinator,
      logger: this.#logger,
      session: {
        name: `leader ${options.role} ${options.candidate}`,
        ttl: this.#ttl,
        lockDelay: options.lockDelay ?? 1_000,
        serviceChecks: options.serviceChecks ?? [],
      },
      onLease: lease => {
        this.#lease = lease;
        this.#reign?.extend(this.#fence(lease));
      },
      onLost: why => this.#reign?.end(why),
      destroyOnStop: true,
    });
  }

  /** The present leadership, where this candidate has it. */
  get leadership(): Leadership | undefined {
    return this.#reign?.valid === true ? this.#reign : undefined;
  }

  /** Does not wait to be elected. */
  async start(): Promise<void> {
    this.#running ??= this.#run();
  }

  /** Steps down, waits for the listeners, and gives the lock back for the next one to take at once. */
  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      this.#reign?.end('this candidate stops');
    }
    await this.#running;
  }

  /** Steps down; stands again when `eligible` says so. */
  resign(why: string): void {
    this.#reign?.end(why);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const kept = this.#keeper.start();
    for (let attempt = 0; !signal.aborted; ) {
      try {
        const session = this.#keeper.session;
        if (session === undefined || this.#options.eligible?.() === false || !this.#leaseHolds()) {
          await pause(retryEvery, signal);
        } else if (await this.#lock(session, 0)) {
          await this.#lead(session);
        } else {
          await this.#untilFree(session, signal);
        }
        attempt = 0;
      } catch (error) {
        if (signal.aborted) break;
        this.#logger.warn({ err: error, attempt }, 'election failed; trying again');
        await pause(backoffDelay(defaultBackoff, attempt++, Math.random()), signal);
      }
    }
    await this.#keeper.stop();
    await kept;
  }

  /** Takes the lock, or writes the term into it. False: another has it, or the lock delay is not over. */
  async #lock(session: SessionId, term: number): Promise<boolean> {
    const record: LeaderRecord = { v: 1, master: this.#options.candidate, term };
    const lock: Operation = { verb: 'lock', key: this.#lockKey, value: encode(record), session };
    const held: Operation[] = term === 0 ? [] : [{ verb: 'check-session', key: this.#lockKey, session }];
    // An unknown answer throws; the next try finds the lock held by this session, and may lock again.
    return (await this.#options.coordinator.transact([...held, lock], this.#stopping.signal)).ok;
  }

  /** Waits for the lock's holder to leave it; where there is none, a moment. */
  async #untilFree(session: SessionId, signal: AbortSignal): Promise<void> {
    const entry = await this.#options.coordinator.get(this.#lockKey, { consistent: true, signal });
    if (entry === undefined || !heldByAnother(entry, session)) return pause(retryEvery * (0.5 + Math.random()), signal);
    await this.#options.coordinator.block(this.#lockKey, { index: entry.index, wait: this.#ttl, signal });
  }

  /** With the lock held: gets a term, leads until something ends it, gives the lock back. */
  async #lead(session: SessionId): Promise<void> {
    let reign: Reign | undefined;
    try {
      const term = await this.#nextTerm();
      if (this.#stopping.signal.aborted || !(await this.#lock(session, term))) return;
      const lease = this.#lease;
      if (lease?.session !== session) return;
      const { role } = this.#options;
      reign = new Reign({ role, session, lockKey: this.#lockKey, term, until: this.#fence(lease) });
      this.#reign = reign;
      await this.#serve(reign);
    } finally {
      reign?.end('the leadership ended');
      this.#reign = undefined;
      await this.#unlock(session);
    }
  }

  async #serve(reign: Reign): Promise<void> {
    this.#logger.info({ term: reign.term, session: reign.session }, 'elected');
    const elected = this.#tell(() => this.#options.onElected(reign));
    const watching = watchKey(this.#options.coordinator, this.#lockKey, {
      signal: reign.signal,
      wait: 10_000,
      onChange: entry => {
        if (entry?.session !== reign.session) reign.end('the lock is gone');
      },
    });
    const why = await reign.ended;
    this.#logger.info({ term: reign.term, why }, 'no longer the leader');
    await watching;
    await elected;
    await this.#tell(() => this.#options.onLost?.(reign, why));
  }

  /** The lock is held meanwhile, so a database that hangs must not hold it for good. */
  async #nextTerm(): Promise<number> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error('the database gave no term in time')), this.#ttl);
    try {
      return await Promise.race([this.#options.nextTerm(), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Best effort: where it fails, the lock ends with the session. */
  async #unlock(session: SessionId): Promise<void> {
    try {
      await this.#options.coordinator.transact([
        { verb: 'unlock', key: this.#lockKey, value: '', session },
        { verb: 'delete', key: this.#lockKey },
      ]);
    } catch (error) {
      this.#logger.warn({ err: error }, 'the leader lock could not be given back: it ends with the session');
    }
  }

  #fence(lease: SessionLease): Milliseconds {
    return lease.sentMonotonic + this.#ttl * fencePart;
  }

  #leaseHolds(): boolean {
    return this.#lease !== undefined && this.#fence(this.#lease) > monotonicNow();
  }

  async #tell(listener: () => void | Promise<void>): Promise<void> {
    try {
      await listener();
    } catch (error) {
      this.#logger.error({ err: error }, 'a listener of the election failed');
    }
  }
}

function heldByAnother(entry: Entry, session: SessionId): boolean {
  return entry.session !== undefined && entry.session !== session;
}
