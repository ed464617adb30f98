import type { Coordinator, Entry, Operation, SessionId, TransactionResult } from '../../coordination/coordinator.ts';
import { maxOperations } from '../../coordination/coordinator.ts';
import type { Leadership } from '../../coordination/election.ts';
import { transactionBytes } from '../../coordination/limits.ts';
import type { Clock, Instant } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Store, Term } from '../../store/store.ts';
import type { LeaderMetrics } from './metrics.ts';
import type { LeaderTiming } from './timing.ts';

/** The leader's lock is somebody else's, or nobody's: everything that this leader does ends. */
export class OfficeLostError extends Error {
  override readonly name = 'OfficeLostError';
}

export interface OfficeOptions {
  readonly coordinator: Coordinator;
  readonly store: Store;
  /** As elected. */
  readonly leadership: Leadership;
  readonly clock: Clock;
  readonly timing: LeaderTiming;
  readonly logger: Logger;
  readonly metrics: LeaderMetrics;
}

/** One operation, or a few that hold together. */
export type Step = Operation | readonly Operation[];

/** Operations of one transaction beside the check of the leader's lock. */
export const leaderOperations = maxOperations - 1;
/** A transaction is filled up to here, in bytes; Consul's limit is 512 kB. */
const fill = 384 * 1024;

/** One term of office: what every part of the leader works with. */
export class Office {
  readonly store: Store;
  readonly coordinator: Coordinator;
  readonly term: Term;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly timing: LeaderTiming;
  readonly logger: Logger;
  readonly metrics: LeaderMetrics;
  readonly startedAt: Instant;
  readonly #session: SessionId;
  readonly #guard: Operation;

  constructor(options: OfficeOptions) {
    this.store = options.store;
    this.coordinator = options.coordinator;
    const { role, term, signal, session, guard } = options.leadership;
    this.#session = session;
    this.term = { role, term };
    this.signal = signal;
    this.clock = options.clock;
    this.timing = options.timing;
    this.logger = options.logger;
    this.metrics = options.metrics;
    this.startedAt = options.clock();
    this.#guard = guard;
  }

  /** A transaction that holds only while this master leads. @throws OfficeLostError, CoordinationError */
  async transact(operations: readonly Operation[]): Promise<TransactionResult> {
    this.signal.throwIfAborted();
    const result = await this.coordinator.transact([this.#guard, ...operations], this.signal);
    if (result.ok) return { ok: true, entries: result.entries.slice(1) };
    const lost = result.failures.find(failure => failure.operation === 0);
    if (lost !== undefined) throw new OfficeLostError(`the leader's lock is not held: ${lost.message}`);
    return { ok: false, failures: result.failures.map(one => ({ ...one, operation: one.operation - 1 })) };
  }

  /**
   * Whether nobody gets a lock that nobody holds: Consul keeps it back for a while after its holder's session was lost.
   * That can't be read, so it is tried, in a transaction that can't hold.
   */
  async isKeptBack(lockKey: string): Promise<boolean> {
    const lock = { verb: 'lock', key: lockKey, value: '', session: this.#session } as const;
    const result = await this.transact([lock, { verb: 'check-not-exists', key: lockKey }]);
    return !result.ok && result.failures.some(({ operation }) => operation === 0);
  }

  /**
   * Carries out independent steps, each of one operation or of a few that hold together, as many as possible in one
   * transaction; those that do not hold are left out. Gives for each the entry of its last operation, `undefined` where
   * there is none to give, `'refused'` where it did not hold.
   */
  async each(steps: readonly Step[]): Promise<(Entry | undefined | 'refused')[]> {
    const answers: (Entry | undefined | 'refused')[] = new Array(steps.length).fill('refused');
    for (const part of parts(steps.map(step => ('verb' in step ? [step] : step)))) {
      let left = part;
      while (left.length > 0) {
        const owners = left.flatMap(([place, operations]) => operations.map(() => place));
        const result = await this.transact(left.flatMap(([, operations]) => operations));
        if (result.ok) {
          // A later operation of the same step has the last word.
          for (const [i, place] of owners.entries()) answers[place] = result.entries[i];
          break;
        }
        const failed = new Set(result.failures.map(failure => owners[failure.operation]));
        left = left.filter(([place]) => !failed.has(place));
      }
    }
    return answers;
  }

  /** Reads keys in one or more transactions: consistent within one, and never stale. */
  async read(keys: readonly string[]): Promise<(Entry | undefined)[]> {
    const answers = await this.each(keys.map(key => ({ verb: 'get-or-empty', key }) as const));
    return answers.map(answer => (answer === 'refused' ? undefined : answer));
  }

  /** All entries below a prefix, never stale. */
  list(below: string): Promise<readonly Entry[]> {
    return this.coordinator.list(below, { consistent: true, signal: this.signal });
  }
}

/** Cuts steps into transactions; each keeps its place. */
function parts(steps: readonly (readonly Operation[])[]): (readonly [number, readonly Operation[]])[][] {
  const all: (readonly [number, readonly Operation[]])[][] = [];
  let count = 0;
  let bytes = 0;
  for (const [place, operations] of steps.entries()) {
    const last = all.at(-1);
    const size = transactionBytes(operations);
    if (last === undefined || count + operations.length > leaderOperations || bytes + size > fill) {
      all.push([[place, operations]]);
      count = 0;
      bytes = 0;
    } else {
      last.push([place, operations]);
    }
    count += operations.length;
    bytes += size;
  }
  return all;
}

/** Deletes a key that is as it was read. A `delete-cas` alone also holds where the key is gone: somebody took it. */
export function takeAway({ key, index }: Pick<Entry, 'key' | 'index'>): readonly Operation[] {
  return [
    { verb: 'check-index', key, index },
    { verb: 'delete-cas', key, index },
  ];
}
