import type { Milliseconds } from '../domain/time.ts';

/**
 * The coordination port: a small linearizable key-value store with sessions, transactions and a catalog of services.
 * Two adapters: `consul/` (the real one) and `memory/` (one process, optionally durable); both pass
 * `test/conformance/coordination.ts`. What Cronmesh does with it (claims, feed, epochs, leaders) is written once, above.
 *
 * Words: an *index* grows with every write of the store; an entry's `index` is that of its last write (Consul's
 * ModifyIndex). A *session* is a lease: when it ends, its locks are released (their keys stay, without a session), and
 * for `lockDelay` nobody can take them.
 */

export type Index = number;
export type SessionId = string;

export interface Entry {
  readonly key: string;
  readonly value: string;
  readonly index: Index;
  /** How often the lock was taken since the key was created; 1 after the first time. */
  readonly lockIndex: number;
  readonly session?: SessionId;
}

/** One operation of a transaction. `check…`, `…-cas` and `lock` make the whole transaction fail when they do not hold. */
export type Operation =
  | { readonly verb: 'get'; readonly key: string } // fails when the key does not exist
  | { readonly verb: 'get-or-empty'; readonly key: string } // the result is undefined when it does not exist
  | { readonly verb: 'set'; readonly key: string; readonly value: string }
  | { readonly verb: 'cas'; readonly key: string; readonly value: string; readonly index: Index } // index 0: must not exist
  | { readonly verb: 'lock'; readonly key: string; readonly value: string; readonly session: SessionId }
  | { readonly verb: 'unlock'; readonly key: string; readonly value: string; readonly session: SessionId }
  | { readonly verb: 'delete'; readonly key: string }
  | { readonly verb: 'delete-cas'; readonly key: string; readonly index: Index } // holds where the key does not exist too
  | { readonly verb: 'check-index'; readonly key: string; readonly index: Index }
  | { readonly verb: 'check-not-exists'; readonly key: string }
  | { readonly verb: 'check-session'; readonly key: string; readonly session: SessionId };

/** Consul's limits, kept by both adapters: a larger transaction is refused before it is sent. */
export const maxOperations = 128;
/** Largest value and largest sum of values of a transaction, in bytes. */
export const maxValueBytes = 512 * 1024;

export type TransactionResult =
  | {
      readonly ok: true;
      /** One for each operation, in order; undefined for deletes, checks and an empty get-or-empty. Values of writes are left out. */
      readonly entries: readonly (Entry | undefined)[];
    }
  | { readonly ok: false; readonly failures: readonly { readonly operation: number; readonly message: string }[] };

/**
 * A call that did not give an answer. `refused`: nothing was changed for sure (the server said no, or was never
 * reached). `unknown`: it may have been carried out (a time-out, a connection cut, a 500): read before acting.
 */
export class CoordinationError extends Error {
  override readonly name = 'CoordinationError';
  readonly effect: 'refused' | 'unknown';
  /** HTTP-like status where there was one: 404 an unknown session, 409, 413, 429, 500. */
  readonly status: number | undefined;
  constructor(message: string, effect: 'refused' | 'unknown', status?: number, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.effect = effect;
    this.status = status;
  }
}

export interface ReadOptions {
  /** Goes through the leader with a check of its lease; costs a round of messages. Default false. */
  readonly consistent?: boolean;
  readonly signal?: AbortSignal;
}

/** A blocking read: answers when the index of what is read passes `index`, or after `wait`. */
export interface BlockingOptions {
  readonly index: Index;
  readonly wait: Milliseconds;
  readonly signal: AbortSignal;
}

export interface Indexed<T> {
  /** The index to block on next. It can go back (a restore): see `watch.ts`. */
  readonly index: Index;
  readonly value: T;
}

export type CheckStatus = 'passing' | 'warning' | 'critical';

/** A service instance to register with the local agent. */
export interface ServiceRegistration {
  readonly service: string;
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly meta: Readonly<Record<string, string>>;
  readonly checks: readonly ServiceCheck[];
}

export type ServiceCheck =
  /** The agent fetches `url` each `interval`; registered passing. */
  | {
      readonly kind: 'http';
      readonly id: string;
      readonly name: string;
      readonly url: string;
      readonly interval: Milliseconds;
      readonly timeout: Milliseconds;
      /** The agent removes the service when it was critical this long. */
      readonly deregisterAfter?: Milliseconds;
    }
  /** Set by `setCheck`; critical when it was not set for `ttl`. */
  | { readonly kind: 'ttl'; readonly id: string; readonly name: string; readonly ttl: Milliseconds };

/** A service instance as the catalog shows it. */
export interface ServiceInstance {
  readonly service: string;
  readonly id: string;
  readonly node: string;
  readonly address: string;
  readonly port: number;
  readonly meta: Readonly<Record<string, string>>;
  /** Every check of the instance and of its node, by check id (`serfHealth` for the node's own). */
  readonly checks: Readonly<Record<string, CheckStatus>>;
  /** All of `checks` are passing. */
  readonly passing: boolean;
}

export interface SessionOptions {
  readonly name: string;
  readonly ttl: Milliseconds;
  readonly lockDelay: Milliseconds;
  /** Ids of service checks of the local agent that the session lives by. */
  readonly serviceChecks: readonly string[];
}

export interface Coordinator {
  get(key: string, options?: ReadOptions): Promise<Entry | undefined>;
  /** All entries whose key begins with `prefix`, in key order. For small prefixes; large ones are read in pages. */
  list(prefix: string, options?: ReadOptions): Promise<readonly Entry[]>;
  /** Keys below `prefix`; with `separator`, only up to its next occurrence. */
  keys(prefix: string, options?: ReadOptions & { readonly separator?: string }): Promise<readonly string[]>;
  /** All or nothing, linearizable. All keys written share one index. @throws CoordinationError */
  transact(operations: readonly Operation[], signal?: AbortSignal): Promise<TransactionResult>;

  /** A blocking read of one key. */
  block(key: string, options: BlockingOptions): Promise<Indexed<Entry | undefined>>;
  /** A blocking read of a prefix: wakes on any change below it. */
  blockList(prefix: string, options: BlockingOptions): Promise<Indexed<readonly Entry[]>>;
  /** A blocking read of keys only; with `separator '/'` the answer stays small however many keys there are. */
  blockKeys(
    prefix: string,
    options: BlockingOptions & { readonly separator?: string },
  ): Promise<Indexed<readonly string[]>>;
  /** A blocking read of a service's instances with their checks. */
  blockService(service: string, options: BlockingOptions): Promise<Indexed<readonly ServiceInstance[]>>;

  createSession(options: SessionOptions): Promise<SessionId>;
  /** Restarts the TTL, over a connection of its own. @throws CoordinationError with status 404 when the session is gone */
  renewSession(session: SessionId, signal?: AbortSignal): Promise<void>;
  /** Ends a session. Locks it still holds are released with the lock delay: release them first. */
  destroySession(session: SessionId): Promise<void>;
  /** Whether the session exists now. */
  sessionExists(session: SessionId): Promise<boolean>;

  register(registration: ServiceRegistration): Promise<void>;
  deregister(id: string): Promise<void>;
  /** Sets a `ttl` check. */
  setCheck(id: string, status: CheckStatus, note: string): Promise<void>;

  readonly name: 'consul' | 'memory';
  /** Lets go of connections and timers. */
  close(): Promise<void>;
}
