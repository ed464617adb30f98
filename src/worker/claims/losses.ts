import type { Coordinator } from '../../coordination/coordinator.ts';
import { lostPath } from '../../coordination/keys.ts';
import { pause } from '../../coordination/pause.ts';
import { encode, type LostRecord } from '../../coordination/records.ts';
import { backoffDelay, defaultBackoff } from '../../domain/backoff.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import type { Clock } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { RunClaim } from './held-run.ts';
import type { Seen } from './seen.ts';

export interface LossesOptions {
  readonly coordinator: Coordinator;
  readonly worker: WorkerId;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** A try is given up after so many; the leader then finds the run by its silence. */
const mostAttempts = 20;

/** Tells the leader of runs whose locks were found without a holder and taken over. */
export class Losses {
  readonly #options: LossesOptions;

  constructor(options: LossesOptions) {
    this.#options = options;
  }

  /** `claim` took over a lock: whose it was is told by what was seen before. */
  tookOver(claim: RunClaim, slot: number | undefined, seen: Seen | undefined): void {
    const lock = slot === undefined ? undefined : seen?.locks[slot]?.record;
    // The cursor does not tell: its run may go on in another slot. Its own earlier attempt was closed by whoever asked
    // for this one.
    if (lock === undefined || lock.run === claim.run) return;
    const { run } = lock;
    const { worker, clock, logger } = this.#options;
    logger.warn({ run, job: claim.entry.key }, 'took over the lock of a run whose session is gone');
    void this.#write({
      v: 1,
      run,
      attempt: lock.attempt,
      job: claim.entry.key,
      foundBy: worker,
      at: clock(),
    });
  }

  async #write(record: LostRecord): Promise<void> {
    for (let attempt = 0; attempt < mostAttempts && !this.#options.signal.aborted; attempt++) {
      try {
        await this.#options.coordinator.transact([{ verb: 'set', key: lostPath(record.run), value: encode(record) }]);
        return;
      } catch (error) {
        this.#options.logger.debug({ err: error, run: record.run }, 'a lost run could not be told yet');
        await pause(backoffDelay(defaultBackoff, attempt, Math.random()), this.#options.signal);
      }
    }
  }
}
