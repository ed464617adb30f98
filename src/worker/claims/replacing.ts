import type { Coordinator, Index, Operation } from '../../coordination/coordinator.ts';
import { isHeld } from '../../coordination/handover.ts';
import { killerPath } from '../../coordination/keys.ts';
import { jobOfLock, slotPath } from '../../coordination/locks.ts';
import { encode, type KillRecord, type TriggerRecord } from '../../coordination/records.ts';
import { isOutrun } from '../../coordination/waiting.ts';
import { byPlace } from '../../domain/policy/turn.ts';
import type { Clock } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { JobEntry } from '../agenda/entry.ts';
import type { Seen } from './seen.ts';

export interface ReplacingOptions {
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Most triggers that one claim marks: a claim's transaction has 128 operations, shared with others. */
const marksPerClaim = 40;

/** What a waiting run of a `Replace` job does about those before it. */
export class Replacing {
  readonly #options: ReplacingOptions;
  /** By lock: its index when the end of its run was asked for. */
  readonly #asked = new Map<string, Index>();

  constructor(options: ReplacingOptions) {
    this.#options = options;
  }

  /**
   * Whether the run may be started as far as the job's others go: none that is later has come. A run of the job that holds
   * the slot and is earlier is to be killed; for one of another job of the group it waits.
   */
  mayGo(record: TriggerRecord, entry: JobEntry, seen: Seen): boolean {
    const key = slotPath(entry.key, entry.group, 0);
    const [lock] = seen.locks;
    if (lock !== undefined && isHeld(lock)) {
      const isOwn = jobOfLock(key, lock.record) === entry.key;
      if (isOwn && byPlace(lock.record, record) < 0) void this.#kill(record, entry, key, lock);
      return false;
    }
    return !isOutrun(record, seen.cursor.record);
  }

  /**
   * What the claim of a run has to carry, so that those that waited before it are never started, however short it is: the
   * leader closes them as `Replaced`.
   */
  marks(
    run: TriggerRecord,
    others: readonly { readonly key: string; readonly index: Index; readonly record: TriggerRecord }[],
  ): readonly Operation[] {
    return others
      .filter(
        ({ record }) => record.adopts === undefined && record.replacedBy === undefined && byPlace(record, run) < 0,
      )
      .slice(0, marksPerClaim)
      .map(({ key, index, record }) => {
        const value = encode<TriggerRecord>({ ...record, replacedBy: run.run });
        return { verb: 'cas', key, value, index };
      });
  }

  async #kill(
    { run }: TriggerRecord,
    entry: JobEntry,
    lockKey: string,
    lock: NonNullable<Seen['locks'][number]>,
  ): Promise<void> {
    const { coordinator, clock, logger } = this.#options;
    if (this.#asked.get(lockKey) === lock.index) return;
    this.#asked.set(lockKey, lock.index);
    const kill: KillRecord = { v: 1, run: lock.record.run, requestedAt: clock(), by: `Replace: run ${run}` };
    try {
      // Refused where it has ended meanwhile, or its end is asked for already.
      const answer = await coordinator.transact([
        { verb: 'check-index', key: lockKey, index: lock.index },
        { verb: 'cas', key: killerPath(entry.key, lock.record.run), value: encode(kill), index: 0 },
      ]);
      if (answer.ok) logger.info({ run: lock.record.run, by: kill.by }, 'a run is replaced: its end is asked for');
    } catch (error) {
      this.#asked.delete(lockKey);
      logger.debug({ err: error, run: lock.record.run }, 'the end of a run could not be asked for yet');
    }
  }
}
