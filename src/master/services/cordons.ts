import type { Coordinator } from '../../coordination/coordinator.ts';
import { cordonPath, lanePath, prefix } from '../../coordination/keys.ts';
import { type CordonRecord, decode, encode, type LaneRecord } from '../../coordination/records.ts';
import { CronmeshError } from '../../domain/errors.ts';
import type { Clock } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { WorkerView } from './workers.ts';

export interface CordonServiceDependencies {
  readonly coordinator: Pick<Coordinator, 'get' | 'list' | 'transact'>;
  readonly workers: { list(): readonly WorkerView[] };
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A worker, and what was asked of it by hand. */
export interface WorkerStanding extends WorkerView {
  readonly cordon?: Omit<CordonRecord, 'v'>;
  /** Runs that it has claimed or that go on, as of its last beat. */
  readonly running?: number;
  /** It has said that it claims nothing any more. */
  readonly idle?: boolean;
}

const beatsAtOnce = 64;

/** Takes workers out of the claiming, and lets them in again. By configured name: a restart changes nothing. */
export class CordonService {
  readonly #deps: CordonServiceDependencies;

  constructor(deps: CordonServiceDependencies) {
    this.#deps = deps;
  }

  /**
   * The worker claims nothing from now on; what runs goes on, but with `drain` what goes on without its worker
   * (kubernetes) is handed over at once. Resolves when Consul has it: the worker hears of it within a moment.
   *
   * @throws CronmeshError NotFound, Unavailable
   */
  async cordon(name: string, wanted: { drain: boolean; by: string; reason: string }): Promise<CordonRecord> {
    this.#require(name);
    const record: CordonRecord = { v: 1, ...wanted, at: this.#deps.clock() };
    await this.#ask(() =>
      this.#deps.coordinator.transact([{ verb: 'set', key: cordonPath(name), value: encode(record) }]),
    );
    this.#deps.logger.info({ worker: name, ...wanted }, wanted.drain ? 'a worker is drained' : 'a worker is cordoned');
    return record;
  }

  /** @throws CronmeshError NotFound, Unavailable */
  async uncordon(name: string, by: string): Promise<void> {
    const key = cordonPath(name);
    const there = await this.#ask(() => this.#deps.coordinator.get(key, { consistent: true }));
    // A worker that is away may be let in again.
    if (there === undefined) this.#require(name);
    await this.#ask(() => this.#deps.coordinator.transact([{ verb: 'delete', key }]));
    this.#deps.logger.info({ worker: name, by }, 'a worker is uncordoned');
  }

  /** Workers with what was asked of them, and what they say of themselves. @throws CronmeshError Unavailable */
  async list(): Promise<readonly WorkerStanding[]> {
    const workers = this.#deps.workers.list();
    const { coordinator } = this.#deps;
    const cordons = new Map((await this.#ask(() => coordinator.list(prefix.cordon))).map(entry => [entry.key, entry]));
    const beats = new Map<string, LaneRecord>();
    for (let i = 0; i < workers.length; i += beatsAtOnce) {
      const some = workers.slice(i, i + beatsAtOnce);
      const reads = some.map(({ id }) => ({ verb: 'get-or-empty', key: lanePath(id, 'beat') }) as const);
      const answer = await this.#ask(() => coordinator.transact(reads));
      some.forEach(({ id }, at) => {
        const entry = answer.ok ? answer.entries[at] : undefined;
        const beat = entry && readable<LaneRecord>(entry);
        if (beat !== undefined) beats.set(id, beat);
      });
    }
    return workers.map(worker => {
      const entry = cordons.get(cordonPath(worker.name));
      const { v: _, ...cordon } = (entry && readable<CordonRecord>(entry)) ?? { v: 1 };
      const { running, cordoned } = beats.get(worker.id) ?? {};
      return {
        ...worker,
        ...('at' in cordon && { cordon }),
        ...(running !== undefined && { running, idle: cordoned === true && running === 0 }),
      };
    });
  }

  #require(name: string): void {
    const names = this.#deps.workers.list().map(worker => worker.name);
    if (names.includes(name)) return;
    const known = names.length === 0 ? 'there are none' : `there are ${names.slice(0, 20).join(', ')}`;
    throw new CronmeshError('NotFound', `there is no worker ${JSON.stringify(name.slice(0, 100))}: ${known}`);
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      throw new CronmeshError('Unavailable', 'Consul does not answer: workers could not be asked', {
        retryable: true,
        cause: error,
      });
    }
  }
}

function readable<T extends { readonly v: 1 }>(entry: Parameters<typeof decode>[0]): T | undefined {
  try {
    return decode<T>(entry);
  } catch {
    return undefined;
  }
}
