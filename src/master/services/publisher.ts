import { CoordinationError, type Coordinator } from '../../coordination/coordinator.ts';
import { epochKey, killerPath, prefix } from '../../coordination/keys.ts';
import { jobsPerPublication, publish } from '../../coordination/publish.ts';
import {
  decode,
  type EpochRecord,
  encode,
  type JobRecord,
  type KillRecord,
  type TriggerRecord,
} from '../../coordination/records.ts';
import { mayStart } from '../../coordination/waiting.ts';
import { type Job, type JobKey, jobKey, splitJobKey } from '../../domain/job/job.ts';
import { stillness } from '../../domain/job/pause.ts';
import type { Service } from '../../domain/lifecycle.ts';
import type { Clock, Instant } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { NewRun, PendingRun, Run, Store } from '../../store/store.ts';
import type { Publishing } from './publishing.ts';
import { TriggerWriter } from './trigger-writer.ts';

export interface PublisherOptions {
  readonly coordinator: Coordinator;
  readonly store: Store;
  readonly logger: Logger;
  /** Default `Date.now`. */
  readonly clock?: Clock;
}

/** Outbox rows looked at in one go. */
const page = 256;

/** Keys that are published together, and those who wait for it. */
interface Batch {
  readonly keys: Set<JobKey>;
  readonly done: PromiseWithResolvers<void>;
}

/**
 * Carries jobs, triggers and kills from the database to Consul. Every master publishes its own changes at once; what
 * fails stays in the outbox, and the leader sweeps that. Calls that come together share transactions, and one master
 * sends one publication at a time: publications compete for the feed's head.
 */
export class Publisher implements Service, Publishing {
  readonly #options: PublisherOptions;
  readonly #clock: Clock;
  readonly #triggers: TriggerWriter;
  readonly #stopping = new AbortController();
  #batch: Batch | undefined;
  #running: Promise<void> | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#triggers = new TriggerWriter(options);
  }

  async start(): Promise<void> {}

  /** Ends what is under way; what was not published stays in the outbox. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Resolves once Consul has the newest state of these jobs. @throws when it may not have: the outbox keeps it for the sweep */
  async publish(keys: readonly { readonly namespace: string; readonly name: string }[]): Promise<void> {
    if (keys.length === 0) return;
    this.#batch ??= { keys: new Set(), done: Promise.withResolvers() };
    const batch = this.#batch;
    for (const key of keys) batch.keys.add(jobKey(key));
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    await batch.done.promise;
  }

  async publishTrigger(...runs: readonly NewRun[]): Promise<void> {
    await this.#triggers.write(
      runs.map(run => ({ ...run, dueAt: run.tick ?? run.requestedAt, attempt: 1, published: false })),
    );
  }

  /** Writes the triggers of runs that are not published yet. @throws when Consul or the database is away */
  async publishTriggers(runs: readonly PendingRun[]): Promise<void> {
    await this.#triggers.write(runs);
  }

  async waiting(job: Job): Promise<readonly TriggerRecord[]> {
    const about = { uid: job.uid, floor: job.floor, suspended: stillness(job) !== undefined };
    const { coordinator } = this.#options;
    const listed = await coordinator.list(`${prefix.trigger}${jobKey(job)}/`, { consistent: true });
    const epoch = await coordinator.get(epochKey, { consistent: true });
    if (epoch === undefined) return [];
    const { number } = decode<EpochRecord>(epoch);
    return listed
      .map(entry => decode<TriggerRecord>(entry))
      .filter(trigger => mayStart(trigger, about, number, this.#clock()));
  }

  async withdraw(run: Run, deadline: Instant): Promise<boolean> {
    return await this.#triggers.withdraw(run.id, deadline);
  }

  async requestKill(run: Run, by: string): Promise<void> {
    const record: KillRecord = { v: 1, run: run.id, requestedAt: this.#clock(), by };
    const key = killerPath(jobKey(run), run.id);
    await this.#options.coordinator.transact([{ verb: 'set', key, value: encode(record) }]);
  }

  /** Publishes whatever is in the outbox. For the leader, each second. @throws when Consul or the database is away */
  async sweep(signal: AbortSignal): Promise<void> {
    for (;;) {
      const rows = await this.#options.store.pendingPublications(page);
      if (rows.length === 0 || signal.aborted) return;
      for (let i = 0; i < rows.length && !signal.aborted; i += jobsPerPublication) {
        await this.publish(rows.slice(i, i + jobsPerPublication));
      }
    }
  }

  async #run(): Promise<void> {
    // One turn of the event loop: changes of one moment go together.
    await new Promise(setImmediate);
    while (this.#batch !== undefined) {
      const batch = this.#batch;
      this.#batch = undefined;
      try {
        await this.#publishNow([...batch.keys]);
        batch.done.resolve();
      } catch (error) {
        batch.done.reject(error);
      }
    }
  }

  async #publishNow(keys: readonly JobKey[]): Promise<void> {
    const { coordinator, store } = this.#options;
    const wanted = new Set(keys);
    // The rows of the outbox come first: what changes after this read keeps its row.
    const rows = (await store.pendingPublications(page)).filter(row => wanted.has(jobKey(row)));
    const { signal } = this.#stopping;
    try {
      await publish(coordinator, keys, some => this.#load(some), { signal });
    } catch (error) {
      if (!(error instanceof CoordinationError) || error.status !== 413) throw error;
      if (keys.length > 1) {
        for (const key of keys) await this.#publishNow([key]);
        return;
      }
      // It can never be published, and must not hold up the others.
      this.#options.logger.error({ err: error, job: keys[0] }, 'a job is too large for Consul: it will not run');
    }
    await store.publicationsDone(rows);
  }

  async #load(keys: readonly JobKey[]): Promise<ReadonlyMap<JobKey, JobRecord>> {
    const jobs = await this.#options.store.getJobs(keys.map(splitJobKey));
    return new Map(jobs.map(job => [jobKey(job), { v: 1, ...job } satisfies JobRecord]));
  }
}
