import type { JobKey } from '../domain/job/job.ts';
import type { Service } from '../domain/lifecycle.ts';
import type { Milliseconds } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import type { Coordinator, Entry, Index } from './coordinator.ts';
import { decodeFeed, decodeHead, decodeJob } from './feed-records.ts';
import { feedHeadKey, feedPath, feedShardOf, feedShards, jobPath, prefix } from './keys.ts';
import type { FeedRecord, JobRecord } from './records.ts';
import { watchKey } from './watch.ts';

export { publish } from './publish.ts';

export interface JobFeedOptions {
  readonly coordinator: Pick<Coordinator, 'block' | 'keys' | 'transact'>;
  readonly logger: Logger;
  /**
   * A job as it is now in `cron/jobs/`, with its key's index (for `check-index`); undefined when it is gone or can't be
   * read. A full read reports all jobs, those that did not change too. Waited for by no one: it must not throw.
   */
  onJob(key: JobKey, record: JobRecord | undefined, index: Index): void;
  /** A full read ended: these are all jobs there are, and each has been reported. */
  onReset?(all: ReadonlyMap<JobKey, Index>): void;
  /** Least time between reads. Default 50 ms. */
  readonly spacing?: Milliseconds;
  /** How long one look blocks. Default 10 s. */
  readonly wait?: Milliseconds;
}

interface Shard {
  readonly index: Index;
  readonly count: number;
}

/** Jobs of one read, and reads at once: one answer of 100,000 jobs costs 450 MB, pages half of it. */
const page = 64;
const readsAtOnce = 4;

/**
 * Keeps a complete set of jobs in step with `cron/jobs/`, at the cost of one small key for each change: it follows
 * `cron/feed/head`, which names the jobs of the newest publication. What it missed it takes from the shards' rings,
 * and what they no longer hold from a full read.
 */
export class JobFeed implements Service {
  readonly #options: JobFeedOptions;
  readonly #coordinator: JobFeedOptions['coordinator'];
  readonly #stopping = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  /** Index of each job's key: also the set of those that are known. */
  readonly #known = new Map<JobKey, Index>();
  /** Keys whose unreadable value was logged. */
  readonly #unreadable = new Set<string>();
  #shards = new Map<number, Shard>();
  #head: Index = 0;
  /** Those who wait for a full read that begins from now on; with `#full` one is due. */
  #waiting: (() => void)[] = [];
  #full = true;
  #restart = new AbortController();
  #running: Promise<void> | undefined;
  /** The newest read: each waits for the one before, so that an older answer never comes after a newer one. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: JobFeedOptions) {
    this.#options = options;
    this.#coordinator = options.coordinator;
  }

  /** Resolves when every job has been reported once, or at `stop`. */
  async start(): Promise<void> {
    this.#running ??= this.#run();
    await this.#ready.promise;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#restart.abort();
    await this.#running;
    this.#ready.resolve();
    this.#release();
  }

  /** Reads everything anew (a new epoch). Resolves when that is done, or at `stop`. */
  async resync(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#full = true;
    const done = new Promise<void>(resolve => this.#waiting.push(resolve));
    this.#restart.abort();
    await done;
  }

  /** Reads these jobs now: for one whose key was found to have moved without the feed (an edit by hand). */
  refresh(jobs: readonly JobKey[]): Promise<void> {
    return this.#inTurn(() => this.#readJobs(jobs));
  }

  async #run(): Promise<void> {
    const { spacing, wait } = this.#options;
    while (!this.#stopping.signal.aborted) {
      this.#restart = new AbortController();
      // `resync` may have come just before: the first report of a watch is at once and looks at `#full`.
      await watchKey(this.#coordinator, feedHeadKey, {
        signal: this.#restart.signal,
        ...(spacing !== undefined && { spacing }),
        ...(wait !== undefined && { wait }),
        onChange: (head, { reset }) => this.#inTurn(() => this.#follow(head, reset)),
        onError: error => this.#options.logger.warn({ err: error }, 'the job feed could not be read; trying again'),
      });
    }
  }

  #inTurn(read: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(read);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #follow(head: Entry | undefined, reset: boolean): Promise<void> {
    const index = head?.index ?? 0;
    if (reset || index < this.#head) this.#full = true;
    if (this.#full) await this.#readAll();
    else if (head !== undefined && index > this.#head) await this.#catchUp(head);
  }

  /** Brings in what was published since the last look. */
  async #catchUp(entry: Entry): Promise<void> {
    const head = decodeHead(entry);
    if (head !== undefined && head.previous === this.#head) {
      await this.#readJobs(head.jobs);
      // One transaction wrote it all: the shards have the head's index.
      for (const job of head.jobs) {
        const shard = feedShardOf(job);
        this.#shards.set(shard, { index: entry.index, count: (this.#shards.get(shard)?.count ?? 0) + 1 });
      }
      this.#head = entry.index;
      return;
    }
    const feed = await this.#readFeed();
    const missed = feed.head < this.#head ? undefined : this.#missed(feed.shards);
    if (missed === undefined) return this.#readAll();
    await this.#readJobs(missed);
    this.#adopt(feed);
  }

  /** The jobs of changes that were not seen; undefined where the rings do not tell. */
  #missed(shards: ReadonlyMap<number, Shard & Pick<FeedRecord, 'changes'>>): JobKey[] | undefined {
    const jobs = new Set<JobKey>();
    for (const shard of this.#shards.keys()) if (!shards.has(shard)) return undefined;
    for (const [number, shard] of shards) {
      const before = this.#shards.get(number);
      if (shard.index === before?.index) continue;
      const count = shard.count - (before?.count ?? 0);
      if (count <= 0 || count > shard.changes.length) return undefined;
      for (const { job } of shard.changes.slice(-count)) jobs.add(job);
    }
    return [...jobs];
  }

  async #readAll(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#full = false;
    try {
      // The feed first: what is published during the read is then seen again afterwards.
      const feed = await this.#readFeed();
      const keys = await this.#coordinator.keys(prefix.jobs, { consistent: true, signal: this.#stopping.signal });
      const jobs = keys.map(key => key.slice(prefix.jobs.length)).filter(isJobKey);
      const present = new Set<JobKey>(jobs);
      for (const job of [...this.#known.keys()]) if (!present.has(job)) this.#report(job, undefined);
      await this.#readJobs(jobs);
      this.#adopt(feed);
    } catch (error) {
      this.#full = true;
      this.#waiting.push(...waiting);
      throw error;
    }
    this.#options.onReset?.(this.#known);
    this.#ready.resolve();
    for (const resolve of waiting) resolve();
  }

  #adopt(feed: { readonly head: Index; readonly shards: ReadonlyMap<number, Shard> }): void {
    this.#head = feed.head;
    this.#shards = new Map([...feed.shards].map(([number, { index, count }]) => [number, { index, count }]));
  }

  /** Head and shards of one instant. */
  async #readFeed(): Promise<{ head: Index; shards: Map<number, Shard & Pick<FeedRecord, 'changes'>> }> {
    const keys = [feedHeadKey, ...Array.from({ length: feedShards }, (_, shard) => feedPath(shard))];
    const [head, ...entries] = await this.#readPage(keys);
    const shards = new Map<number, Shard & Pick<FeedRecord, 'changes'>>();
    entries.forEach((entry, shard) => {
      if (entry === undefined) return;
      const record = decodeFeed(entry);
      shards.set(shard, { index: entry.index, count: record?.count ?? 0, changes: record?.changes ?? [] });
    });
    return { head: head?.index ?? 0, shards };
  }

  /** Reads and reports jobs in pages, some at once. */
  async #readJobs(jobs: readonly JobKey[]): Promise<void> {
    let next = 0;
    const reader = async (): Promise<void> => {
      while (next < jobs.length) {
        const some = jobs.slice(next, next + page);
        next += page;
        const entries = await this.#readPage(some.map(jobPath));
        some.forEach((job, i) => {
          this.#report(job, entries[i]);
        });
      }
    };
    await Promise.all(Array.from({ length: Math.min(readsAtOnce, Math.ceil(jobs.length / page)) }, reader));
  }

  async #readPage(keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    const operations = keys.map(key => ({ verb: 'get-or-empty', key }) as const);
    const result = await this.#coordinator.transact(operations, this.#stopping.signal);
    if (!result.ok) throw new Error(`the feed could not be read: ${result.failures[0]?.message}`);
    return result.entries;
  }

  #report(job: JobKey, entry: Entry | undefined): void {
    const record = entry && this.#decode(entry);
    if (entry === undefined || record === undefined) this.#known.delete(job);
    else this.#known.set(job, entry.index);
    this.#options.onJob(job, record, entry?.index ?? 0);
  }

  #decode(entry: Entry): JobRecord | undefined {
    try {
      const record = decodeJob(entry);
      this.#unreadable.delete(entry.key);
      return record;
    } catch (error) {
      if (!this.#unreadable.has(entry.key)) {
        this.#unreadable.add(entry.key);
        this.#options.logger.warn({ key: entry.key }, `a job is left out: ${(error as Error).message}`);
      }
      return undefined;
    }
  }

  #release(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  }
}

function isJobKey(key: string): key is JobKey {
  return /^[^/]+\/[^/]+$/.test(key);
}
