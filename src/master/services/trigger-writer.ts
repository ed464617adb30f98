import type { Coordinator, Operation } from '../../coordination/coordinator.ts';
import { epochKey, publishedPath, triggerPath } from '../../coordination/keys.ts';
import { decode, type EpochRecord, encode, type TriggerRecord } from '../../coordination/records.ts';
import { CronmeshError } from '../../domain/errors.ts';
import { jobKey } from '../../domain/job/job.ts';
import type { Logger } from '../../observability/logger.ts';
import type { PendingRun, Store } from '../../store/store.ts';

export interface TriggerWriterOptions {
  readonly coordinator: Coordinator;
  readonly store: Pick<Store, 'markRunsPublished'>;
  readonly logger: Logger;
}

/** Two operations a run, of 128 in a transaction. */
const runsPerTransaction = 60;

/**
 * Writes pending runs' triggers to Consul, each once. A trigger is deleted when a worker claims it, so its key alone
 * does not show that it was there: a mark is written with it and stands until the database knows.
 */
export class TriggerWriter {
  readonly #options: TriggerWriterOptions;

  constructor(options: TriggerWriterOptions) {
    this.#options = options;
  }

  /** @throws CronmeshError Unavailable while there is no epoch; CoordinationError. The runs then stay unpublished. */
  async write(runs: readonly PendingRun[]): Promise<void> {
    for (let i = 0; i < runs.length; i += runsPerTransaction) {
      const some = runs.slice(i, i + runsPerTransaction);
      // Anew for each transaction: a trigger of an epoch that is over is never run.
      await this.#writeNew(some, await this.#epoch());
      await this.#options.store.markRunsPublished(some.map(run => run.id));
      const marks = some.map((run): Operation => ({ verb: 'delete', key: publishedPath(run.id) }));
      await this.#options.coordinator.transact(marks);
    }
  }

  /** Leaves out those that were written before, by another master or by this one when no answer came. */
  async #writeNew(runs: readonly PendingRun[], epoch: number): Promise<void> {
    for (let left = runs; left.length > 0; ) {
      const operations = left.flatMap(run => operationsOf(run, epoch));
      const written = await this.#options.coordinator.transact(operations);
      if (written.ok) return;
      const there = new Set(written.failures.map(({ operation }) => left[Math.floor(operation / 2)]));
      this.#options.logger.debug({ runs: [...there].map(run => run?.id) }, 'triggers were written before');
      left = left.filter(run => !there.has(run));
    }
  }

  async #epoch(): Promise<number> {
    const entry = await this.#options.coordinator.get(epochKey, { consistent: true });
    if (entry === undefined) {
      const message = 'there is no epoch yet: triggers are published once the leader began one';
      throw new CronmeshError('Unavailable', message, { retryable: true });
    }
    return decode<EpochRecord>(entry).number;
  }
}

function operationsOf(run: PendingRun, epoch: number): readonly Operation[] {
  const trigger: TriggerRecord = {
    v: 1,
    run: run.id,
    attempt: run.attempt,
    jobUid: run.jobUid,
    kind: run.trigger,
    ...(run.tick !== undefined && { tick: run.tick }),
    deadline: run.deadline,
    requestedAt: run.requestedAt,
    epoch,
    by: run.by,
  };
  return [
    { verb: 'cas', key: publishedPath(run.id), value: String(run.attempt), index: 0 },
    { verb: 'cas', key: triggerPath(jobKey(run), run.id), value: encode(trigger), index: 0 },
  ];
}
