import { createHash, randomBytes } from 'node:crypto';
import type { Coordinator, Entry, Index } from '../coordination/coordinator.ts';
import { callbackPath, prefix } from '../coordination/keys.ts';
import { masterService, masterUrl } from '../coordination/master-service.ts';
import { type CallbackRecord, decode, encode } from '../coordination/records.ts';
import { watchList } from '../coordination/watch.ts';
import type { RunId, WorkerId } from '../domain/run/run.ts';
import type { Clock, Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import { runSpecOf } from './agenda/entry.ts';
import type { HeldRun } from './claims/held-run.ts';
import type { Supervisor } from './ports.ts';

export interface CallbacksOptions {
  readonly worker: WorkerId;
  readonly coordinator: Coordinator;
  readonly supervisor: Pick<Supervisor, 'callback'>;
  /** The masters' base URL. Default: of a master in the catalog. */
  readonly baseUrl?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Open {
  readonly attempt: number;
  answered: boolean;
  /** The index of the key's progress that was told last. */
  toldOf: Index;
}

interface Watching {
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/** Nobody takes callbacks: no master is known. The message says what to do. */
export class NoCallbackUrlError extends Error {
  override readonly name = 'NoCallbackUrlError';
}

/** Between two reads of all callbacks that are waited for: answers that come together are read together. */
const spacing: Milliseconds = 200;

/**
 * What servers say later of the requests that this worker's asynchronous runs sent: makes each run's key and token, and
 * follows the keys while there are any such runs, and at no other time.
 */
export class Callbacks {
  readonly #options: CallbacksOptions;
  readonly #open = new Map<RunId, Open>();
  #watching: Watching | undefined;

  constructor(options: CallbacksOptions) {
    this.#options = options;
  }

  /**
   * Makes the URL that a run's request carries, once its key is in Consul: only the token's hash is written.
   *
   * @throws NoCallbackUrlError, CoordinationError, and when the run's lock is not this worker's any more
   */
  async prepare(held: HeldRun): Promise<string> {
    const { coordinator, clock, worker } = this.#options;
    const { run, attempt, lockKey, session } = held;
    const base = this.#options.baseUrl ?? (await this.#anyMaster());
    const token = randomBytes(32).toString('base64url');
    const record: CallbackRecord = {
      v: 1,
      run,
      attempt,
      worker,
      tokenHash: createHash('sha256').update(token).digest('hex'),
      until: clock() + runSpecOf(held.entry).timeoutSeconds * 1_000,
    };
    const written = await coordinator.transact([
      { verb: 'check-session', key: lockKey, session },
      { verb: 'set', key: callbackPath(run), value: encode(record) },
    ]);
    if (!written.ok) throw new Error('its lock is gone');
    this.#open.set(run, { attempt, answered: false, toldOf: 0 });
    this.#watching ??= this.#watch();
    return `${base}/api/v1/callbacks/${run}/${attempt}?token=${token}`;
  }

  /** The run has ended, or never began. */
  forget(run: RunId): void {
    this.#open.delete(run);
    if (this.#open.size > 0) return;
    this.#watching?.stop.abort();
    this.#watching = undefined;
  }

  async stop(): Promise<void> {
    const watching = this.#watching;
    this.#open.clear();
    this.#watching = undefined;
    watching?.stop.abort();
    await watching?.done;
  }

  async #anyMaster(): Promise<string> {
    const { signal } = new AbortController();
    const { value } = await this.#options.coordinator.blockService(masterService, { index: 0, wait: 0, signal });
    const passing = value.filter(instance => instance.passing);
    const one = passing[Math.floor(Math.random() * passing.length)];
    if (one !== undefined) return masterUrl(one);
    throw new NoCallbackUrlError(
      'no master that takes callbacks is in the catalog; start one, or set worker.callbackUrl to their address',
    );
  }

  #watch(): Watching {
    const stop = new AbortController();
    const { coordinator, logger } = this.#options;
    const done = watchList(coordinator, prefix.callback, {
      signal: stop.signal,
      spacing,
      onChange: entries => {
        for (const entry of entries) this.#take(entry);
      },
      onError: (error, attempt) => logger.warn({ err: error, attempt }, 'the callbacks cannot be read; trying again'),
    });
    return { stop, done };
  }

  #take(entry: Entry): void {
    let record: CallbackRecord;
    try {
      record = decode(entry);
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a callback is left alone: it cannot be read');
      return;
    }
    const { run, attempt, answer, progress } = record;
    const open = this.#open.get(run);
    if (open?.attempt !== attempt || open.answered) return;
    // Each is told once, though the key is read again at each change until the run's release deletes it.
    if (answer !== undefined) {
      open.answered = true;
      this.#options.logger.info({ run, outcome: answer.outcome }, 'a callback came');
      this.#options.supervisor.callback(run, attempt, answer);
    } else if (progress !== undefined && open.toldOf !== entry.index) {
      open.toldOf = entry.index;
      this.#options.supervisor.callback(run, attempt, progress);
    }
  }
}
