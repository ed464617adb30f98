import { backoffDelay } from '../domain/backoff.ts';
import type { JobKey } from '../domain/job/job.ts';
import { CoordinationError, type Coordinator, type Entry, maxValueBytes, type Operation } from './coordinator.ts';
import { decodeFeed } from './feed-records.ts';
import { feedHeadKey, feedPath, feedShardOf, jobPath } from './keys.ts';
import { transactionBytes } from './limits.ts';
import { pause } from './pause.ts';
import { encode, type FeedHeadRecord, type FeedRecord, type JobRecord } from './records.ts';

export interface PublishOptions {
  /** Conditions of the publisher's own, in each transaction: a leader's `check-session`. */
  readonly guard?: readonly Operation[];
  readonly signal?: AbortSignal;
}

export interface Published {
  /** Jobs whose key was written or deleted; the others were there as they are. */
  readonly changed: readonly JobKey[];
}

/** Jobs of one publication; also the changes that a feed's head may name. */
export const jobsPerPublication = 32;
/** Changes that a shard's ring holds. */
export const feedRing = 64;
const maxAttempts = 20;
const retry = { initial: 5, maximum: 500, factor: 2 };

/**
 * Brings `cron/jobs/` to the state of the database for these jobs, any number of them, and tells the feed. `load`
 * reads their rows *after* Consul was read (a job that it leaves out is gone): a publisher that was stopped in between
 * then fails on the feed's shard, and never publishes the past. Unchanged jobs are not written.
 *
 * @throws CoordinationError; 409 when the guard does not hold, 413 when one job alone is too large
 * @example await publish(coordinator, ['default/backup'], keys => loadRecords(store, keys))
 */
export async function publish(
  coordinator: Pick<Coordinator, 'transact'>,
  jobs: readonly JobKey[],
  load: (jobs: readonly JobKey[]) => Promise<ReadonlyMap<JobKey, JobRecord>>,
  options: PublishOptions = {},
): Promise<Published> {
  const unique = [...new Set(jobs)];
  const changed: JobKey[] = [];
  for (let i = 0; i < unique.length; i += jobsPerPublication) {
    changed.push(...(await publishSome(coordinator, unique.slice(i, i + jobsPerPublication), load, options)));
  }
  return { changed };
}

type Load = Parameters<typeof publish>[2];

async function publishSome(
  coordinator: Pick<Coordinator, 'transact'>,
  jobs: readonly JobKey[],
  load: Load,
  options: PublishOptions,
): Promise<readonly JobKey[]> {
  const guard = options.guard ?? [];
  const signal = options.signal ?? new AbortController().signal;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    if (attempt > 0) await pause(backoffDelay(retry, attempt - 1, Math.random()), signal);
    signal.throwIfAborted();
    const before = await readBefore(coordinator, jobs, signal);
    const { operations, changed } = plan(before, jobs, await load(jobs));
    if (changed.length === 0) return [];
    if (jobs.length > 1 && transactionBytes([...guard, ...operations]) > maxValueBytes) {
      const half = Math.ceil(jobs.length / 2);
      const first = await publishSome(coordinator, jobs.slice(0, half), load, options);
      return [...first, ...(await publishSome(coordinator, jobs.slice(half), load, options))];
    }
    try {
      const result = await coordinator.transact([...guard, ...operations], signal);
      if (result.ok) return changed;
      const broken = result.failures.find(({ operation }) => operation < guard.length);
      if (broken) throw new CoordinationError(`publication: ${broken.message}`, 'refused', 409);
    } catch (error) {
      // Done or not, the next read shows it, and what is there already is not written again.
      if (!(error instanceof CoordinationError) || error.effect === 'refused' || attempt === maxAttempts - 1)
        throw error;
    }
  }
  throw new CoordinationError(`publication: other masters published first, ${maxAttempts} times`, 'refused', 409);
}

/** Everything that the plan depends on, of one instant. */
async function readBefore(
  coordinator: Pick<Coordinator, 'transact'>,
  jobs: readonly JobKey[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Entry>> {
  const shards = new Set(jobs.map(feedShardOf));
  const keys = [feedHeadKey, ...[...shards].map(feedPath), ...jobs.map(jobPath)];
  const result = await coordinator.transact(
    keys.map(key => ({ verb: 'get-or-empty', key })),
    signal,
  );
  if (!result.ok) throw new CoordinationError('publication: Consul could not be read', 'refused');
  return new Map(result.entries.flatMap(entry => (entry === undefined ? [] : [[entry.key, entry] as const])));
}

/** The transaction that makes Consul equal to the rows. */
function plan(
  before: ReadonlyMap<string, Entry>,
  jobs: readonly JobKey[],
  rows: ReadonlyMap<JobKey, JobRecord>,
): { operations: Operation[]; changed: JobKey[] } {
  const operations: Operation[] = [];
  const changed: JobKey[] = [];
  const byShard = new Map<number, FeedRecord['changes'][number][]>();
  for (const job of jobs) {
    const row = rows.get(job);
    const entry = before.get(jobPath(job));
    const value = row === undefined ? undefined : encode(row);
    if (entry?.value === value) continue;
    const key = jobPath(job);
    // By the index that was read: what someone put there by hand since is not overwritten unseen.
    const index = entry?.index ?? 0;
    operations.push(value === undefined ? { verb: 'delete-cas', key, index } : { verb: 'cas', key, value, index });
    changed.push(job);
    const changes = byShard.get(feedShardOf(job)) ?? [];
    changes.push(row === undefined ? { job, revision: 0, deleted: true } : { job, revision: row.revision });
    byShard.set(feedShardOf(job), changes);
  }
  for (const [shard, changes] of byShard) {
    const entry = before.get(feedPath(shard));
    const ring = readRing(entry);
    const value = encode<FeedRecord>({
      v: 1,
      count: ring.count + changes.length,
      changes: [...ring.changes, ...changes].slice(-feedRing),
    });
    operations.push({ verb: 'cas', key: feedPath(shard), value, index: entry?.index ?? 0 });
  }
  const previous = before.get(feedHeadKey)?.index ?? 0;
  const head: FeedHeadRecord = {
    v: 1,
    shards: [...byShard.keys()],
    jobs: changed,
    previous,
  };
  // Not merely set: a publication between our read and our write would be hidden behind `previous`.
  operations.push({ verb: 'cas', key: feedHeadKey, value: encode(head), index: previous });
  return { operations, changed };
}

/** A shard that can't be read begins anew; its count then goes back, and readers read everything. */
function readRing(entry: Entry | undefined): Pick<FeedRecord, 'count' | 'changes'> {
  return (entry === undefined ? undefined : decodeFeed(entry)) ?? { count: 0, changes: [] };
}
