import { CronmeshError } from '../../domain/errors.ts';
import { jobKey } from '../../domain/job/job.ts';

/** What must hold of the job as it is now, for a change to be made. */
export interface Precondition {
  /** The job exists and has one of these revisions; `any` asks only that it exists. */
  readonly match?: 'any' | readonly number[];
  /** It is this very job, not a later one of the same name. */
  readonly uid?: string;
  /** There is no such job yet. */
  readonly absent?: boolean;
}

/** @throws CronmeshError StaleRevision that says how the job differs from what was asked */
export function checkPrecondition(
  key: { readonly namespace: string; readonly name: string },
  job: { readonly revision: number; readonly uid?: string } | undefined,
  precondition: Precondition,
  kind: 'job' | 'calendar' = 'job',
): void {
  const { match, uid, absent } = precondition;
  if (job === undefined) {
    if (match === undefined && uid === undefined) return;
    throw stale(
      `there is no ${kind} ${jobKey(key)} to match; leave out If-Match, metadata.revision and metadata.uid to create it`,
    );
  }
  if (absent) throw stale(`the ${kind} ${jobKey(key)} exists already`);
  if (uid !== undefined && uid !== job.uid) {
    throw stale(
      `the ${kind} ${jobKey(key)} was deleted and made again since: it has ${job.uid === undefined ? 'no uid' : `uid ${job.uid}`}, not ${uid}`,
    );
  }
  if (match !== undefined && match !== 'any' && !match.includes(job.revision)) {
    throw stale(
      `the ${kind} ${jobKey(key)} is at revision ${job.revision}, not ${match.join(' or ')}; read it again and repeat the change`,
    );
  }
}

const stale = (message: string): CronmeshError => new CronmeshError('StaleRevision', message);
