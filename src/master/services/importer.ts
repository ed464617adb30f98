import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Coordinator, Entry, Index } from '../../coordination/coordinator.ts';
import { decodeHead } from '../../coordination/feed-records.ts';
import { feedHeadKey, jobPath, prefix } from '../../coordination/keys.ts';
import { watchKeys } from '../../coordination/watch.ts';
import { CronmeshError } from '../../domain/errors.ts';
import { floorAfter } from '../../domain/job/floor.ts';
import { type Job, type JobKey, type JobUid, jobKey, makeJobUid, splitJobKey } from '../../domain/job/job.ts';
import { type ValidManifest, validateManifest } from '../../domain/job/validate.ts';
import { type NamespaceRules, requireAllowed } from '../../domain/policy/allow-list.ts';
import type { Clock, Instant, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Store } from '../../store/store.ts';
import { type HandWritten, readHandWritten } from './hand-written.ts';
import type { Publisher } from './publisher.ts';

export interface ImporterOptions {
  readonly coordinator: Coordinator;
  readonly store: Store;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Jobs that the database is known to have; what differs is looked up there. */
  readonly known: () => Iterable<JobKey>;
  /** Least time between comparisons of all keys that no change by hand was seen for; ten times that with many jobs. */
  readonly compareEvery: Milliseconds;
  /** What jobs of namespaces may be. Default: everything is allowed. */
  readonly rules?: NamespaceRules | undefined;
}

/** Keys read and rows looked up at once. */
const page = 100;
/** From here on all keys are compared less often. */
const manyJobs = 10_000;
/** When more jobs are missing than this, Consul was emptied: the outbox takes them all. */
const manyMissing = 1_000;

/**
 * Watches `cron/jobs/` for what no master wrote: a job put there by hand is imported with source `consul`, one that was
 * deleted there by hand comes back, an edit by hand is taken over (source `consul`) or undone. Changes that the feed's
 * head explains cost one small read.
 */
export class Importer {
  readonly #options: ImporterOptions;
  #seen: Index = 0;
  #comparedAt: Instant = 0;
  /** Something may hide behind publications that came as one. */
  #doubt = true;
  #jobs = 0;
  #turn: Promise<void> = Promise.resolve();
  /** The value of a key that was refused: it is logged once. */
  readonly #refused = new Map<string, Index>();

  constructor(options: ImporterOptions) {
    this.#options = options;
  }

  /** Follows the keys until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { coordinator, logger } = this.#options;
    await watchKeys(coordinator, prefix.jobs, {
      signal,
      separator: '/',
      onChange: (_keys, { index }) => this.#inTurn(() => this.#changed(index, signal)),
      onError: (error, attempt) => {
        if (attempt === 0) logger.warn({ err: error }, 'the jobs in Consul could not be compared; trying again');
      },
    });
  }

  /** Compares all keys where something may have been missed. To be called now and then. */
  async settleDoubts(signal: AbortSignal): Promise<void> {
    await this.#inTurn(async () => {
      const every = this.#options.compareEvery * (this.#jobs > manyJobs ? 10 : 1);
      if (this.#doubt && this.#options.clock() - this.#comparedAt >= every) await this.#compare(undefined, signal);
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #changed(index: Index, signal: AbortSignal): Promise<void> {
    const head = await this.#options.coordinator.get(feedHeadKey, { signal });
    const record = head && decodeHead(head);
    // All that a publication writes has one index, that of the feed's head.
    const published = head !== undefined && head.index >= index;
    const alone = head?.index === index && record?.previous === this.#seen;
    if (!published) await this.#compare(this.#seen, signal);
    else if (!alone) this.#doubt = true;
    this.#seen = index;
  }

  /** With `since`, also the keys' values: a change after that index is by hand. */
  async #compare(since: Index | undefined, signal: AbortSignal): Promise<void> {
    const { coordinator, store, publisher, known, clock, logger } = this.#options;
    this.#comparedAt = clock();
    this.#doubt = false;
    const paths = await coordinator.keys(prefix.jobs, { consistent: true, signal });
    const there = new Set<JobKey>();
    for (const path of paths) {
      const key = path.slice(prefix.jobs.length);
      if (isJobKey(key)) there.add(key);
      else this.#refuse({ key: path, index: 0 }, 'a job belongs at cron/jobs/<namespace>/<name>');
    }
    this.#jobs = there.size;
    const had = new Set(known());
    const absent = [...had].filter(key => !there.has(key));
    // What the outbox still holds is not missing, and the sweep is at it.
    const behind = absent.length > 0 && (await store.pendingPublications(1)).length > 0;
    const missing = behind ? [] : absent;
    this.#doubt = behind;
    if (missing.length > manyMissing) {
      logger.warn({ missing: missing.length }, 'Consul has lost its jobs: all are published again');
      await store.republishAll();
      return;
    }
    // Publishing looks at both sides again: a job that was deleted in the meantime stays deleted.
    await publisher.publish(missing.map(splitJobKey));
    for (const job of missing) logger.info({ job }, 'a job missing in Consul is published again');
    const unknown = [...there].filter(key => !had.has(key));
    let newest: Index = 0;
    for (const some of pages(unknown)) newest = Math.max(newest, await this.#lookAt(some, 0, signal));
    const explained = missing.length > 0 || newest > (since ?? 0);
    if (since === undefined || since === 0 || explained) return;
    // Neither more nor less: somebody edited one.
    for (const some of pages([...there])) await this.#lookAt(some, since, signal);
  }

  /** Compares keys written after `since` with the database, and acts on what differs. Gives the newest index. */
  async #lookAt(keys: readonly JobKey[], since: Index, signal: AbortSignal): Promise<Index> {
    const { coordinator, store } = this.#options;
    const operations = keys.map(key => ({ verb: 'get-or-empty', key: jobPath(key) }) as const);
    const result = await coordinator.transact(operations, signal);
    if (!result.ok) return 0;
    const entries = result.entries.filter(entry => entry !== undefined).filter(entry => entry.index > since);
    if (entries.length === 0) return 0;
    const wanted = entries.map(entry => splitJobKey(entry.key.slice(prefix.jobs.length)));
    const rows = new Map((await store.getJobs(wanted)).map(job => [jobPath(jobKey(job)), job]));
    for (const entry of entries) {
      signal.throwIfAborted();
      await this.#judge(entry, rows.get(entry.key));
    }
    return Math.max(...entries.map(entry => entry.index));
  }

  async #judge(entry: Entry, job: Job | undefined): Promise<void> {
    const key = splitJobKey(entry.key.slice(prefix.jobs.length));
    let found: HandWritten;
    let manifest: ValidManifest;
    try {
      found = readHandWritten(entry.value, key);
      // As the masters write it: nothing was done by hand.
      if (job !== undefined && found.uid === job.uid && isSame(found, job)) {
        if (!isDeepStrictEqual(found.calendars, job.calendars)) await this.#options.publisher.publish([key]);
        return;
      }
      if (job === undefined && found.uid !== undefined && (await this.#isLeftOver(found.uid, key))) {
        this.#options.logger.info({ key: entry.key }, 'what is left of a deleted job is deleted');
        await this.#options.publisher.publish([key]);
        return;
      }
      manifest = validateManifest(found.manifest, { expect: key });
      requireAllowed(this.#options.rules ?? {}, key.namespace, manifest.spec);
    } catch (error) {
      if (!(error instanceof CronmeshError)) throw error;
      this.#refuse(entry, error.message);
      if (job !== undefined) await this.#options.publisher.publish([key]);
      return;
    }
    if (job === undefined) await this.#import(manifest, entry.index);
    else await this.#edit(job, manifest, entry.index);
    await this.#options.publisher.publish([key]);
  }

  async #import({ metadata, spec }: ValidManifest, index: Index): Promise<void> {
    const { store, clock, logger } = this.#options;
    const { namespace, name, labels, annotations } = metadata;
    const uid = makeJobUid(randomBytes(16));
    try {
      await store.createJob({ uid, namespace, name, labels, annotations, spec, source: 'consul', now: clock() });
      logger.info({ job: jobKey(metadata) }, 'a job put into Consul by hand is imported');
    } catch (error) {
      // Somebody made a job of that name just now: it is the one that counts.
      if (error instanceof CronmeshError && error.code === 'InvalidInput') {
        this.#refuse({ key: jobPath(jobKey(metadata)), index }, error.message);
      } else if (!(error instanceof CronmeshError) || error.code !== 'AlreadyExists') throw error;
    }
  }

  async #edit(job: Job, { metadata, spec }: ValidManifest, index: Index): Promise<void> {
    const { store, clock, logger } = this.#options;
    if (job.source !== 'consul') {
      logger.warn(
        { job: jobKey(job), source: job.source },
        'an edit by hand in Consul is undone: the job is not from there',
      );
      return;
    }
    const { labels, annotations } = metadata;
    const now = clock();
    const change = { uid: job.uid, revision: job.revision, labels, annotations, spec, now };
    try {
      await store.updateJob({ ...change, floor: floorAfter(job, spec, now) });
      logger.info({ job: jobKey(job) }, 'an edit by hand in Consul is taken over');
    } catch (error) {
      if (error instanceof CronmeshError && error.code === 'InvalidInput') {
        this.#refuse({ key: jobPath(jobKey(job)), index }, error.message);
      } else if (!(error instanceof CronmeshError) || (error.code !== 'StaleRevision' && error.code !== 'NotFound'))
        throw error;
    }
  }

  /** Whether the database knew a job of this uid and name: then it was deleted, and Consul shows its past. */
  async #isLeftOver(uid: JobUid, key: { readonly namespace: string; readonly name: string }): Promise<boolean> {
    const spells = await this.#options.store.spellsOf([uid]);
    return spells.some(spell => spell.namespace === key.namespace && spell.name === key.name);
  }

  #refuse(entry: Pick<Entry, 'key' | 'index'>, reason: string): void {
    if (this.#refused.get(entry.key) === entry.index) return;
    this.#refused.set(entry.key, entry.index);
    this.#options.logger.warn({ key: entry.key, reason }, 'a key below cron/jobs/ is no valid job and is left out');
  }
}

function isSame(found: HandWritten, job: Job): boolean {
  const { metadata, spec } = found.manifest;
  return (
    isDeepStrictEqual(spec, job.spec) &&
    isDeepStrictEqual(metadata.labels, job.labels) &&
    isDeepStrictEqual(metadata.annotations, job.annotations)
  );
}

function isJobKey(key: string): key is JobKey {
  return /^[^/]+\/[^/]+$/.test(key);
}

function pages<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / page) }, (_, i) => items.slice(i * page, (i + 1) * page));
}
