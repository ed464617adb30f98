import type { Coordinator, Operation } from '../../coordination/coordinator.ts';
import { epochKey, publishedPath, triggerPath } from '../../coordination/keys.ts';
import {
  decode,
  type EpochRecord,
  encode,
  type PublishedRecord,
  type TriggerRecord,
} from '../../coordination/records.ts';
import { CronmeshError } from '../../domain/errors.ts';
import { jobKey } from '../../domain/job/job.ts';
import { timing } from '../../domain/policy/timing.ts';
import type { RunId } from '../../domain/run/run.ts';
import type { Instant } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { PendingRun, Store } from '../../store/store.ts';

export interface TriggerWriterOptions {
  readonly coordinator: Coordinator;
  readonly store: Pick<Store, 'markRunsPublished'>;
  readonly logger: Logger;
}

/** Whether a run that was asked for so long before an epoch's floor was started in the past that Consul lost is not known. */
const uncertain = timing.lockDelay + timing.liveWindow;
/** Two operations a run, the mark's and the trigger's, of 128 in a transaction. */
const runsPerTransaction = 60;

/**
 * Writes pending runs' triggers to Consul, each once. A trigger is deleted when a worker claims it, so its key alone
 * does not show that it was there: a mark is written with it and stands until the run's deadline. So neither a master
 * that was stopped before its write nor a write that comes late starts a run again.
 */
export class TriggerWriter {
  readonly #options: TriggerWriterOptions;

  constructor(options: TriggerWriterOptions) {
    this.#options = options;
  }

  /** @throws CronmeshError Unavailable while there is no epoch; CoordinationError. The runs then stay unpublished. */
  async write(runs: readonly PendingRun[]): Promise<void> {
    for (let i = 0; i < runs.length; i += runsPerTransaction) {
      // Anew for each transaction: a trigger of an epoch that is over is never run.
      const { number, floor } = await this.#epoch();
      const some = runs.slice(i, i + runsPerTransaction);
      // The others the leader closes.
      const certain = some.filter(({ requestedAt }) => floor === 0 || requestedAt > floor - uncertain);
      const blocked = await this.#writeNew(certain, number);
      const written = certain.filter(run => !blocked.has(run));
      await this.#options.store.markRunsPublished(written.map(run => run.id));
    }
  }

  /**
   * Writes the mark of a run's first trigger without the trigger: whoever has read the run as waiting can't write it any
   * more. False when it is written. @throws CoordinationError
   */
  async withdraw(run: RunId, deadline: Instant): Promise<boolean> {
    const { coordinator } = this.#options;
    const key = publishedPath(run);
    const value = encode<PublishedRecord>({ v: 1, deadline, withdrawn: true });
    const written = await coordinator.transact([{ verb: 'cas', key, value, index: 0 }]);
    if (written.ok) return true;
    const mark = await coordinator.get(key, { consistent: true });
    return mark !== undefined && decode<PublishedRecord>(mark).withdrawn === true;
  }

  /**
   * Leaves out those that were written before, by another master or by this one when no answer came. Gives those that
   * can't be written yet: an earlier attempt's trigger is still there, an adoption that nobody has taken. So are those
   * that are being withdrawn: they never start, and the database is about to say so.
   */
  async #writeNew(runs: readonly PendingRun[], epoch: number): Promise<ReadonlySet<PendingRun>> {
    const blocked = new Set<PendingRun>();
    for (let left = runs; left.length > 0; ) {
      const operations = left.flatMap(run => operationsOf(run, epoch));
      const written = await this.#options.coordinator.transact(operations);
      if (written.ok) break;
      const failed = new Set(written.failures.map(({ operation }) => operation));
      const there = left.filter((_, i) => failed.has(2 * i) || failed.has(2 * i + 1));
      for (const run of there) if (run.attempt > 1 && !failed.has(2 * left.indexOf(run))) blocked.add(run);
      for (const run of await this.#withdrawn(there)) blocked.add(run);
      this.#options.logger.debug({ runs: there.map(run => run.id) }, 'triggers were written before');
      left = left.filter(run => !there.includes(run));
    }
    return blocked;
  }

  /** Of runs that have a mark. */
  async #withdrawn(runs: readonly PendingRun[]): Promise<readonly PendingRun[]> {
    const read = await this.#options.coordinator.transact(
      runs.map(run => ({ verb: 'get-or-empty', key: publishedPath(run.id, run.attempt) }) as const),
    );
    const marks = read.ok ? read.entries : [];
    return runs.filter((_, i) => {
      const mark = marks[i];
      return mark !== undefined && decode<PublishedRecord>(mark).withdrawn === true;
    });
  }

  async #epoch(): Promise<EpochRecord> {
    const entry = await this.#options.coordinator.get(epochKey, { consistent: true });
    if (entry === undefined) {
      const message = 'there is no epoch yet: triggers are published once the leader began one';
      throw new CronmeshError('Unavailable', message, { retryable: true });
    }
    return decode<EpochRecord>(entry);
  }
}

function operationsOf(run: PendingRun, epoch: number): readonly Operation[] {
  const trigger: TriggerRecord = {
    v: 1,
    run: run.id,
    attempt: run.attempt,
    jobUid: run.jobUid,
    kind: run.trigger,
    ...(run.tick === undefined ? { dueAt: run.dueAt } : { tick: run.tick }),
    ...(run.particulars !== undefined && { particulars: run.particulars }),
    deadline: run.deadline,
    requestedAt: run.requestedAt,
    epoch,
    by: run.by,
  };
  return [
    {
      verb: 'cas',
      key: publishedPath(run.id, run.attempt),
      value: encode<PublishedRecord>({ v: 1, deadline: run.deadline }),
      index: 0,
    },
    { verb: 'cas', key: triggerPath(jobKey(run), run.id), value: encode(trigger), index: 0 },
  ];
}
