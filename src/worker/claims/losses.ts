import type { Coordinator, Operation } from '../../coordination/coordinator.ts';
import { askForAdoption, isOutliving } from '../../coordination/handover.ts';
import { lostPath } from '../../coordination/keys.ts';
import { jobOfLock } from '../../coordination/locks.ts';
import { pause } from '../../coordination/pause.ts';
import { encode, type LockRecord, type LostRecord } from '../../coordination/records.ts';
import { backoffDelay, defaultBackoff } from '../../domain/backoff.ts';
import type { RunId, WorkerId } from '../../domain/run/run.ts';
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

const particularsOf = ({ particulars }: LockRecord) => (particulars === undefined ? {} : { particulars });

/** A try is given up after so many; the leader then finds the run by its silence. */
const mostAttempts = 20;

/** Tells of runs whose locks were found without a holder and taken over: the leader, or whoever adopts them. */
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
    const { logger } = this.#options;
    logger.warn({ run: lock.run, job: claim.entry.key }, 'took over the lock of a run whose session is gone');
    void this.#write(lock.run, this.#tell(claim, lock));
  }

  /** A run that goes on without its worker is to be adopted; any other is lost. */
  #tell({ lockKey }: RunClaim, lock: LockRecord): Operation {
    const { worker, clock } = this.#options;
    const at = clock();
    if (isOutliving(lock)) return askForAdoption(lockKey, lock, `found by ${worker}`, at);
    const { run, attempt } = lock;
    const about = { run, attempt, job: jobOfLock(lockKey, lock) };
    const lost: LostRecord = { v: 1, ...about, foundBy: worker, at, ...particularsOf(lock) };
    return { verb: 'set', key: lostPath(lock.run), value: encode(lost) };
  }

  async #write(run: RunId, operation: Operation): Promise<void> {
    for (let attempt = 0; attempt < mostAttempts && !this.#options.signal.aborted; attempt++) {
      try {
        await this.#options.coordinator.transact([operation]);
        return;
      } catch (error) {
        this.#options.logger.debug({ err: error, run }, 'the run of a lock that was taken over could not be told yet');
        await pause(backoffDelay(defaultBackoff, attempt, Math.random()), this.#options.signal);
      }
    }
  }
}
