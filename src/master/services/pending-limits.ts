import { CronmeshError } from '../../domain/errors.ts';
import { type Job, jobKey } from '../../domain/job/job.ts';
import type { Store } from '../../store/store.ts';

/** The most runs that may wait for a worker, delayed ones included. */
export interface PendingLimits {
  readonly perJob: number;
  readonly total: number;
}

/**
 * Keeps requests from piling up without end: each is a row in the database and a key in Consul, which workers and leader
 * read again and again. What a schedule, a chain, a backfill or a retry brings counts, and is never refused. Requests
 * of the same moment, by this and other masters, can exceed it by as many.
 *
 * @throws CronmeshError TooManyPending
 */
export async function requireRoom(
  { store, most }: { readonly store: Pick<Store, 'countPending'>; readonly most?: PendingLimits },
  job: Job,
  more: number,
): Promise<void> {
  if (most === undefined) return;
  // Beyond the total it is of no matter whose they are.
  const { all, ofJob } = await store.countPending(job.uid, most.total + 1);
  const refuse = (what: string, count: number, setting: string, limit: number): CronmeshError =>
    new CronmeshError(
      'TooManyPending',
      `${count} runs ${what} wait for a worker, ${more} more are asked for, and ${setting} is ${limit}: try again later`,
      { retryable: true },
    );
  if (ofJob + more > most.perJob) throw refuse(`of ${jobKey(job)}`, ofJob, 'pending.perJob', most.perJob);
  if (all + more > most.total) throw refuse('of all jobs', all, 'pending.total', most.total);
}
