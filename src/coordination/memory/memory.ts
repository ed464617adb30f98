import type { Clock } from '../../domain/time.ts';
import {
  type BlockingOptions,
  type CheckStatus,
  CoordinationError,
  type Coordinator,
  type Entry,
  type Index,
  type Indexed,
  type Operation,
  type ReadOptions,
  type ServiceInstance,
  type ServiceRegistration,
  type SessionId,
  type SessionOptions,
  type TransactionResult,
} from '../coordinator.ts';
import { checkLimits } from '../limits.ts';
import { Catalog } from './catalog.ts';
import { KeySpace, type Stored, toEntry } from './keyspace.ts';
import { type Persistence, Saver } from './persistence.ts';
import { Sessions } from './sessions.ts';
import { evaluate } from './transaction.ts';
import { type Subject, Waiters } from './waiters.ts';

export type { KeyChange, Persistence, SavedKey } from './persistence.ts';

export interface MemoryOptions {
  /** Absent: nothing outlives the process. */
  readonly persistence?: Persistence;
  /** For lock delays. Default `Date.now`. */
  readonly now?: Clock;
}

/** What `snapshot` gives. */
export interface MemorySnapshot {
  readonly keys: readonly (readonly [string, Stored])[];
  readonly index: Index;
}

/**
 * Consul's semantics in one process: indexes, transactions, blocking reads, sessions, lock delays, checks. With
 * `persistence` a transaction is answered after its keys were saved; sessions and services never outlive the process.
 *
 * @example
 * const coordinator = new MemoryCoordinator({ persistence });
 * await coordinator.open();
 */
export class MemoryCoordinator implements Coordinator {
  readonly name = 'memory';
  readonly #now: Clock;
  readonly #saver: Saver | undefined;
  readonly #waiters = new Waiters();
  readonly #sessions = new Sessions((id, options) => this.#release(id, options));
  readonly #catalog = new Catalog(
    service => this.#serviceChanged(service),
    check => this.#sessions.endWithCheck(check),
  );
  readonly #serviceIndex = new Map<string, Index>();
  readonly #delayedUntil = new Map<string, number>();
  #keys = new KeySpace();
  #index: Index = 1;
  #closed = false;

  constructor(options: MemoryOptions = {}) {
    this.#now = options.now ?? Date.now;
    this.#saver = options.persistence === undefined ? undefined : new Saver(options.persistence);
  }

  /** Loads the saved keys; locks come back as orphans, since their sessions ended with the process. */
  async open(): Promise<void> {
    if (this.#saver === undefined) return;
    const saved = await this.#saver.load();
    // A lock index of 1: whoever takes such a lock gets 2 and knows that it took over an orphan.
    this.#keys.load(saved.keys.map(({ key, value, index }) => [key, { value, index, lockIndex: 1 }] as const));
    this.#index = saved.index;
  }

  async get(key: string, options: ReadOptions = {}): Promise<Entry | undefined> {
    this.#check(options.signal);
    return this.#entry(key);
  }

  async list(prefix: string, options: ReadOptions = {}): Promise<readonly Entry[]> {
    this.#check(options.signal);
    return this.#list(prefix);
  }

  async keys(prefix: string, options: ReadOptions & { readonly separator?: string } = {}): Promise<readonly string[]> {
    this.#check(options.signal);
    return this.#keysBelow(prefix, options.separator);
  }

  async transact(operations: readonly Operation[], signal?: AbortSignal): Promise<TransactionResult> {
    this.#check(signal);
    checkLimits(operations);
    const index = this.#index + 1;
    const { entries, failures, changes } = evaluate(operations, index, {
      read: key => this.#keys.get(key),
      sessionExists: session => this.#sessions.has(session),
      lockDelayed: key => this.#lockDelayed(key),
    });
    if (failures.length > 0) return { ok: false, failures };
    await this.#commit(changes);
    return { ok: true, entries };
  }

  block(key: string, options: BlockingOptions): Promise<Indexed<Entry | undefined>> {
    const read = () => ({ index: this.#keys.indexOf(key), value: this.#entry(key) });
    return this.#block({ key, prefix: false }, options, read);
  }

  blockList(prefix: string, options: BlockingOptions): Promise<Indexed<readonly Entry[]>> {
    const read = () => ({ index: this.#keys.indexBelow(prefix), value: this.#list(prefix) });
    return this.#block({ key: prefix, prefix: true }, options, read);
  }

  blockKeys(
    prefix: string,
    options: BlockingOptions & { readonly separator?: string },
  ): Promise<Indexed<readonly string[]>> {
    const read = () => ({ index: this.#keys.indexBelow(prefix), value: this.#keysBelow(prefix, options.separator) });
    return this.#block({ key: prefix, prefix: true }, options, read);
  }

  blockService(service: string, options: BlockingOptions): Promise<Indexed<readonly ServiceInstance[]>> {
    const read = () => ({ index: this.#serviceIndex.get(service) ?? 1, value: this.#catalog.instances(service) });
    return this.#block({ key: serviceSubject(service), prefix: false }, options, read);
  }

  async createSession(options: SessionOptions): Promise<SessionId> {
    this.#check();
    for (const check of options.serviceChecks) {
      const status = this.#catalog.statusOf(check);
      if (status === undefined || status === 'critical') {
        const why = status === undefined ? 'is not registered' : 'is in critical state';
        throw new CoordinationError(`no session by check ${check}: it ${why}`, 'refused', 500);
      }
    }
    return this.#sessions.create(options);
  }

  async renewSession(session: SessionId, signal?: AbortSignal): Promise<void> {
    this.#check(signal);
    this.#sessions.renew(session);
  }

  async destroySession(session: SessionId): Promise<void> {
    this.#check();
    this.#sessions.end(session);
  }

  async sessionExists(session: SessionId): Promise<boolean> {
    this.#check();
    return this.#sessions.has(session);
  }

  async register(registration: ServiceRegistration): Promise<void> {
    this.#check();
    this.#catalog.register(registration);
  }

  async deregister(id: string): Promise<void> {
    this.#check();
    this.#catalog.deregister(id);
  }

  async setCheck(id: string, status: CheckStatus, _note: string): Promise<void> {
    this.#check();
    this.#catalog.setTtl(id, status);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#sessions.clear();
    this.#catalog.clear();
    this.#waiters.failAll(closedError());
    await this.#saver?.idle();
  }

  // What a test does to a coordinator.

  /** Ends a session as if its TTL had passed. */
  expireSession(session: SessionId): void {
    this.#sessions.end(session);
  }

  /** Sets any check, an HTTP check too, as if the agent had found it so. */
  overrideCheck(id: string, status: CheckStatus): void {
    this.#catalog.override(id, status);
  }

  /** A server that comes back empty: keys, sessions, services are gone, indexes begin again, blocked reads are cut off. */
  wipe(): void {
    this.#sessions.clear();
    this.#catalog.clear();
    this.#serviceIndex.clear();
    this.#delayedUntil.clear();
    this.#keys = new KeySpace();
    this.#index = 1;
    this.#waiters.failAll(new CoordinationError('the connection was cut', 'unknown'));
  }

  snapshot(): MemorySnapshot {
    return { keys: [...this.#keys.entries()], index: this.#index };
  }

  /** The keys go back, and old locks reappear under living sessions; writes go on above the present index; every blocked read wakes. */
  restore(snapshot: MemorySnapshot): void {
    this.#keys = new KeySpace();
    this.#keys.load(snapshot.keys);
    this.#waiters.wakeAll();
  }

  #check(signal?: AbortSignal): void {
    if (this.#closed) throw closedError();
    signal?.throwIfAborted();
  }

  #entry(key: string): Entry | undefined {
    const stored = this.#keys.get(key);
    return stored === undefined ? undefined : toEntry(key, stored);
  }

  #list(prefix: string): Entry[] {
    return this.#keys.below(prefix).flatMap(key => this.#entry(key) ?? []);
  }

  #keysBelow(prefix: string, separator: string | undefined): string[] {
    const keys = this.#keys.below(prefix);
    if (separator === undefined || separator === '') return keys;
    const cut = keys.map(key => {
      const end = key.indexOf(separator, prefix.length);
      return end < 0 ? key : key.slice(0, end + separator.length);
    });
    return [...new Set(cut)];
  }

  #lockDelayed(key: string): boolean {
    const until = this.#delayedUntil.get(key);
    if (until === undefined) return false;
    if (until > this.#now()) return true;
    this.#delayedUntil.delete(key);
    return false;
  }

  async #commit(changes: ReadonlyMap<string, Stored | undefined>): Promise<void> {
    this.#index++;
    const index = this.#index;
    for (const [key, stored] of changes) {
      if (stored === undefined) this.#keys.delete(key, index);
      else this.#keys.put(key, stored);
    }
    this.#waiters.wake(changes.keys());
    if (this.#saver === undefined || changes.size === 0) return;
    const saved = [...changes].map(([key, stored]) => ({ key, index, ...(stored && { value: stored.value }) }));
    await this.#saver.save(saved);
  }

  /** A session ended: its locks lose their holder, their keys stay, and the lock delay begins. */
  #release(session: SessionId, options: SessionOptions): void {
    const changes = new Map<string, Stored>();
    for (const [key, stored] of this.#keys.entries()) {
      if (stored.session !== session) continue;
      changes.set(key, { value: stored.value, lockIndex: stored.lockIndex, index: this.#index + 1 });
      if (options.lockDelay > 0) this.#delayedUntil.set(key, this.#now() + options.lockDelay);
    }
    // Sessions are not saved, so nobody waits for this; a failed save is carried by the next one.
    this.#commit(changes).catch(() => {});
  }

  #serviceChanged(service: string): void {
    this.#index++;
    this.#serviceIndex.set(service, this.#index);
    this.#waiters.wake([serviceSubject(service)]);
  }

  async #block<T>(subject: Subject, options: BlockingOptions, read: () => Indexed<T>): Promise<Indexed<T>> {
    this.#check(options.signal);
    const deadline = performance.now() + options.wait;
    const keys = this.#keys;
    for (;;) {
      const result = read();
      const left = deadline - performance.now();
      if (result.index > options.index || left <= 0) return result;
      // After a restore Consul answers each blocked read at once, with the past and the index that was asked for.
      if (keys !== this.#keys) return { ...result, index: options.index };
      await this.#waiters.wait(subject, { wait: left, signal: options.signal });
    }
  }
}

function serviceSubject(service: string): string {
  return `\0service/${service}`;
}

function closedError(): CoordinationError {
  return new CoordinationError('the coordinator is closed', 'refused');
}
