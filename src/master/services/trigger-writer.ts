import type { Coordinator, Entry } from '../../coordination/coordinator.ts';
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

/**
 * Writes a pending run's trigger to Consul, once. A trigger is deleted when a worker claims it, so its key alone does
 * not show that it was there: a second key is written with it and stands until the database knows.
 */
export class TriggerWriter {
  readonly #options: TriggerWriterOptions;

  constructor(options: TriggerWriterOptions) {
    this.#options = options;
  }

  /** @throws CronmeshError Unavailable while there is no epoch; CoordinationError. The run then stays unpublished. */
  async write(run: PendingRun): Promise<void> {
    const { coordinator, store } = this.#options;
    const epoch = await this.#epoch();
    const marker = publishedPath(run.id);
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
    const written = await coordinator.transact([
      { verb: 'cas', key: marker, value: String(run.attempt), index: 0 },
      { verb: 'cas', key: triggerPath(jobKey(run), run.id), value: encode(trigger), index: 0 },
    ]);
    // Refused: it was written before, by another master or by this one when no answer came.
    if (!written.ok) this.#options.logger.debug({ run: run.id }, 'the trigger was there already');
    await store.markRunsPublished([run.id]);
    await coordinator.transact([{ verb: 'delete', key: marker }]);
  }

  async #epoch(): Promise<number> {
    const entry: Entry | undefined = await this.#options.coordinator.get(epochKey, { consistent: true });
    if (entry === undefined) {
      throw new CronmeshError(
        'Unavailable',
        'there is no epoch yet: triggers are published once the leader began one',
        {
          retryable: true,
        },
      );
    }
    return decode<EpochRecord>(entry).number;
  }
}
