import assert from 'node:assert/strict';
import type {
  Coordinator,
  Entry,
  Operation,
  SessionId,
  TransactionResult,
} from '../../../src/coordination/coordinator.ts';

/** An adapter under test, with what the suite does to the store behind it. */
export interface Subject {
  readonly coordinator: Coordinator;
  /** Ends a session without its owner. */
  lose(session: SessionId): Promise<void>;
  /** The health port of an HTTP check was closed: makes the adapter find out, where it does not by itself. */
  healthGone(check: string): Promise<void>;
  /** Keeps the store's keys; the function given back puts them in the place of what there is by then. */
  snapshot(): Promise<() => Promise<void>>;
  /** The store comes back empty. */
  wipe(): Promise<void>;
  close(): Promise<void>;
}

/** The subject of the running suite: opened once, used by every test with keys of its own. */
export type Context = () => Subject;

let counter = 0;
/** A prefix that no other test has. */
export function fresh(): string {
  return `test/${process.pid}-${++counter}/`;
}

/** The entries of a transaction that must succeed. */
export async function commit(
  coordinator: Coordinator,
  ...operations: readonly Operation[]
): Promise<readonly (Entry | undefined)[]> {
  return entriesOf(await coordinator.transact(operations));
}

export function entriesOf(result: TransactionResult): readonly (Entry | undefined)[] {
  assert.ok(result.ok, `refused: ${JSON.stringify(result)}`);
  return result.entries;
}

/** Which operations of a transaction that must fail did. */
export async function refused(coordinator: Coordinator, ...operations: readonly Operation[]): Promise<number[]> {
  const result = await coordinator.transact(operations);
  assert.ok(!result.ok, 'the transaction was carried out');
  for (const { message } of result.failures) assert.ok(message.length > 0);
  return result.failures.map(({ operation }) => operation);
}

/** A session with a TTL that no test outlasts. */
export function session(coordinator: Coordinator, lockDelay = 1): Promise<SessionId> {
  return coordinator.createSession({ name: 'test', ttl: 20_000, lockDelay, serviceChecks: [] });
}

export async function indexOf(coordinator: Coordinator, key: string): Promise<number> {
  const entry = await coordinator.get(key, { consistent: true });
  assert.ok(entry, `${key} is not there`);
  return entry.index;
}

/** What listeners were told, and a wait for the first of it that fits. */
export class Heard<T> {
  readonly all: T[] = [];
  readonly #waiting = new Set<() => void>();

  readonly add = (item: T): void => {
    this.all.push(item);
    for (const look of [...this.#waiting]) look();
  };

  /** The first one from position `from` on that fits; rejects after 15 s with what was heard instead. */
  async first(what: string, fits: (item: T) => boolean, from = 0): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const look = () => {
      const found = this.all.slice(from).find(fits);
      if (found !== undefined) resolve(found);
    };
    const timer = setTimeout(() => reject(new Error(`${what}: only ${JSON.stringify(this.all.slice(from))}`)), 15_000);
    this.#waiting.add(look);
    try {
      look();
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(look);
    }
  }
}
