import { createHash, timingSafeEqual } from 'node:crypto';
import type { Coordinator, Entry } from '../../coordination/coordinator.ts';
import { callbackPath } from '../../coordination/keys.ts';
import {
  type CallbackAnswer,
  type CallbackProgress,
  type CallbackRecord,
  decode,
  encode,
} from '../../coordination/records.ts';
import { CronmeshError } from '../../domain/errors.ts';
import type { RunId } from '../../domain/run/run.ts';
import type { Clock } from '../../domain/time.ts';
import type { Store } from '../../store/store.ts';
import { hasEnded } from '../leader/lost.ts';

export interface CallbackServiceDependencies {
  readonly coordinator: Pick<Coordinator, 'get' | 'transact'>;
  readonly store: Pick<Store, 'getRun'>;
  readonly clock: Clock;
}

/** Takes what servers say later of the requests that asynchronous runs sent: puts it where the run's worker sees it. */
export class CallbackService {
  readonly #deps: CallbackServiceDependencies;

  constructor(deps: CallbackServiceDependencies) {
    this.#deps = deps;
  }

  /**
   * Takes an answer, once, and how far the server is, as often as it says so. When it resolves, it is in Consul; the run ends as soon as its worker has seen it. A
   * worker that dies in that moment leaves the run Lost.
   *
   * @throws CronmeshError Forbidden (a wrong token), Conflict (answered before), Gone (nobody waits for it any more),
   *   Unavailable
   */
  async take(run: RunId, attempt: number, token: string, said: CallbackAnswer | CallbackProgress): Promise<void> {
    for (;;) {
      const entry = await this.#entry(run);
      const record = decode<CallbackRecord>(entry);
      // First of all: whoever has no token learns nothing of the run.
      if (!isToken(token, record.tokenHash)) {
        if (record.attempt !== attempt) throw gone(run, attempt);
        throw new CronmeshError('Forbidden', 'this token is not the one that the run’s request carried');
      }
      if (record.attempt !== attempt || record.until < this.#deps.clock()) throw gone(run, attempt);
      if (record.answer !== undefined) {
        throw new CronmeshError('Conflict', `attempt ${attempt} of the run ${run} has been answered before`);
      }
      const row = await this.#deps.store.getRun(run);
      if (row !== undefined && hasEnded(row, attempt)) throw gone(run, attempt);
      if (await this.#write(entry, 'progress' in said ? { ...record, progress: said } : answered(record, said))) return;
    }
  }

  async #entry(run: RunId): Promise<Entry> {
    const entry = await unavailable(this.#deps.coordinator.get(callbackPath(run), { consistent: true }));
    if (entry === undefined) throw gone(run);
    return entry;
  }

  /** False when the key has changed since it was read. */
  async #write({ key, index }: Entry, record: CallbackRecord): Promise<boolean> {
    const write = { verb: 'cas', key, value: encode(record), index } as const;
    return (await unavailable(this.#deps.coordinator.transact([write]))).ok;
  }
}

function answered({ progress: _progress, ...record }: CallbackRecord, answer: CallbackAnswer): CallbackRecord {
  return { ...record, answer };
}

/** Compared as hashes of one length, in constant time. */
function isToken(token: string, hash: string): boolean {
  const given = createHash('sha256').update(token).digest();
  const wanted = Buffer.from(hash, 'hex');
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function gone(run: RunId, attempt?: number): CronmeshError {
  const what = attempt === undefined ? `the run ${run}` : `attempt ${attempt} of the run ${run}`;
  return new CronmeshError('Gone', `${what} waits for no callback, or not any more`);
}

async function unavailable<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw new CronmeshError(
      'Unavailable',
      'Consul does not answer: the callback was not taken for sure; send it again',
      {
        retryable: true,
        cause: error,
      },
    );
  }
}
