import type { Entry, Index, Operation, SessionId } from '../coordinator.ts';
import { type Stored, toEntry } from './keyspace.ts';

/** What a transaction looks at. */
export interface Surroundings {
  read(key: string): Stored | undefined;
  sessionExists(session: SessionId): boolean;
  /** A session that held it was lost less than its lock delay ago. */
  lockDelayed(key: string): boolean;
}

export interface Outcome {
  readonly entries: readonly (Entry | undefined)[];
  readonly failures: readonly { readonly operation: number; readonly message: string }[];
  /** Keys that change when nothing failed; undefined deletes. */
  readonly changes: ReadonlyMap<string, Stored | undefined>;
}

/** Works a transaction out without carrying it out. Later operations see earlier ones; every failure is listed, as Consul does. */
export function evaluate(operations: readonly Operation[], index: Index, around: Surroundings): Outcome {
  const failures: { operation: number; message: string }[] = [];
  // Consul's leader looks at lock delays before anything else, and then at nothing else.
  operations.forEach((operation, i) => {
    if (operation.verb === 'lock' && around.lockDelayed(operation.key)) {
      failures.push({ operation: i, message: `failed to lock key "${operation.key}" due to lock delay` });
    }
  });
  const draft = new Draft(index, around);
  if (failures.length > 0) return { entries: [], failures, changes: draft.changes };
  const entries: (Entry | undefined)[] = [];
  operations.forEach((operation, i) => {
    const result = draft.apply(operation);
    if (typeof result === 'string') failures.push({ operation: i, message: result });
    else entries.push(result);
  });
  return { entries, failures, changes: draft.changes };
}

class Draft {
  readonly changes = new Map<string, Stored | undefined>();
  readonly #index: Index;
  readonly #around: Surroundings;

  constructor(index: Index, around: Surroundings) {
    this.#index = index;
    this.#around = around;
  }

  /** The entry, undefined where there is none to show, or why it failed. */
  apply(operation: Operation): Entry | undefined | string {
    const { key } = operation;
    const now = this.changes.has(key) ? this.changes.get(key) : this.#around.read(key);
    switch (operation.verb) {
      case 'get':
        return now === undefined ? `key "${key}" doesn't exist` : toEntry(key, now);
      case 'get-or-empty':
        return now === undefined ? undefined : toEntry(key, now);
      case 'set':
        return this.#write(key, now, operation.value);
      case 'cas':
        if ((now?.index ?? 0) !== operation.index) return `failed to set key "${key}", index is stale`;
        return this.#write(key, now, operation.value);
      case 'lock':
        return this.#lock(key, now, operation.value, operation.session);
      case 'unlock':
        if (now?.session === undefined || now.session !== operation.session) {
          return `failed to unlock key "${key}", lock isn't held, or is held by another session`;
        }
        return this.#put(key, now, { value: operation.value, lockIndex: now.lockIndex });
      case 'delete':
        this.#delete(key, now);
        return undefined;
      case 'delete-cas':
        if (now !== undefined && now.index !== operation.index) return `failed to delete key "${key}", index is stale`;
        this.#delete(key, now);
        return undefined;
      case 'check-index':
        if (now === undefined) return `failed to check index, key "${key}" doesn't exist`;
        return now.index === operation.index
          ? undefined
          : `failed index check for key "${key}", current modify index ${now.index} != ${operation.index}`;
      case 'check-not-exists':
        return now === undefined ? undefined : `key "${key}" exists`;
      case 'check-session':
        if (now === undefined) return `failed to check session, key "${key}" doesn't exist`;
        return now.session === operation.session
          ? undefined
          : `failed session check for key "${key}", current session "${now.session ?? ''}" != "${operation.session}"`;
    }
  }

  #lock(key: string, now: Stored | undefined, value: string, session: SessionId): Entry | string {
    if (!this.#around.sessionExists(session)) return `invalid session "${session}"`;
    if (now?.session !== undefined && now.session !== session)
      return `failed to lock key "${key}", lock is already held`;
    // The holder may lock again: that does not count as another time.
    const lockIndex = now?.session === session ? now.lockIndex : (now?.lockIndex ?? 0) + 1;
    return this.#put(key, now, { value, lockIndex, session });
  }

  #write(key: string, now: Stored | undefined, value: string): Entry {
    // As in Consul, a plain write leaves the holder and forgets how often the lock was taken.
    const held = now?.session === undefined ? {} : { session: now.session };
    return this.#put(key, now, { value, lockIndex: 0, ...held });
  }

  #put(key: string, now: Stored | undefined, next: Omit<Stored, 'index'>): Entry {
    const same =
      now !== undefined && now.value === next.value && now.session === next.session && now.lockIndex === next.lockIndex;
    // Writing what is there already raises no index.
    const stored = same ? now : { ...next, index: this.#index };
    if (!same) this.changes.set(key, stored);
    return { ...toEntry(key, stored), value: '' };
  }

  #delete(key: string, now: Stored | undefined): void {
    if (now !== undefined) this.changes.set(key, undefined);
  }
}
