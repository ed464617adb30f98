import type { Coordinator, Entry, SessionId } from '../coordination/coordinator.ts';
import { prefix } from '../coordination/keys.ts';
import { decode, type LockRecord } from '../coordination/records.ts';
import type { Logger } from '../observability/logger.ts';
import type { HeldRun } from './claims/held-run.ts';
import type { Lane } from './claims/lane.ts';
import { readKeys } from './claims/reader.ts';
import type { Runs } from './claims/runs.ts';
import type { Slots } from './claims/slots.ts';

export interface RecoveryOptions {
  readonly coordinator: Coordinator;
  readonly lanes: readonly Lane[];
  readonly slots: Slots;
  readonly runs: Pick<Runs, 'values' | 'endUnlocked'>;
  readonly logger: Logger;
}

/** Brings what this worker believes it holds, and what Consul says it does, together again. */
export class Recovery {
  readonly #options: RecoveryOptions;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** Takes the lanes over as they are now. @throws CoordinationError */
  async adoptLanes(): Promise<void> {
    const { coordinator, lanes } = this.#options;
    const entries = await readKeys(
      coordinator,
      lanes.map(({ key }) => key),
      new AbortController().signal,
    );
    lanes.forEach((lane, i) => {
      lane.adopt(entries[i]);
    });
  }

  /**
   * Releases locks of the session that this worker knows nothing of: they have come back from the past. Ends exclusive
   * runs whose lock is not there any more. @throws CoordinationError
   */
  async settleLocks(session: SessionId): Promise<void> {
    const { coordinator, slots, logger } = this.#options;
    const own = (await coordinator.list(prefix.lock, { consistent: true })).filter(entry => entry.session === session);
    for (const entry of own.filter(({ key }) => !slots.has(key))) {
      logger.warn({ lock: entry.key }, 'released a lock that this worker knows nothing of');
      await coordinator.transact([
        { verb: 'unlock', key: entry.key, value: entry.value, session },
        { verb: 'delete', key: entry.key },
      ]);
    }
    this.#endUnlocked(new Map(own.map(entry => [entry.key, entry])));
  }

  /** Ends exclusive runs whose lock is not there any more. @throws CoordinationError */
  async checkLocks(session: SessionId): Promise<void> {
    const exclusive = this.#exclusive();
    const keys = exclusive.map(({ lockKey }) => lockKey);
    const entries = await readKeys(this.#options.coordinator, keys, new AbortController().signal);
    const own = entries.filter(entry => entry !== undefined).filter(entry => entry.session === session);
    this.#endUnlocked(new Map(own.map(entry => [entry.key, entry])));
  }

  #endUnlocked(locks: ReadonlyMap<string, Entry>): void {
    for (const held of this.#exclusive()) {
      const entry = locks.get(held.lockKey);
      if (entry === undefined || decode<LockRecord>(entry).run !== held.run) this.#options.runs.endUnlocked(held);
    }
  }

  #exclusive(): HeldRun[] {
    return [...this.#options.runs.values()].filter(({ entry }) => entry.slots !== undefined);
  }
}
