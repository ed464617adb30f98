import type { Job, JobUid } from '../../domain/job/job.ts';
import type { JobSpec } from '../../domain/job/spec.ts';
import type { Store } from '../store.ts';
import type { Job as JobRow } from './client/client.ts';
import type { Database, Transaction } from './database.ts';
import { jobColumns } from './job-row.ts';
import { pauseJob } from './jobs.ts';
import { requireTerm } from './leadership.ts';
import { countStreak } from './streaks.ts';
import { number } from './values.ts';
import { endedWholes } from './wholes.ts';

/** Jobs that pause themselves. */
export function pauses(database: Database): Pick<Store, 'countFailures' | 'pauseAtLimit'> {
  return {
    countFailures: (term, ended, now) =>
      database.transaction(async transaction => {
        await requireTerm(transaction, term);
        const wholes = await endedWholes(transaction, ended);
        const ends = Map.groupBy(wholes, ({ jobUid }) => jobUid);
        const paused: Job[] = [];
        for (const row of await unpaused(transaction, [...ends.keys()])) {
          const { pauseAfterFailures: most } = row.spec as JobSpec;
          if (most === undefined) continue;
          const told = (ends.get(row.uid as JobUid) ?? []).map(({ id, state, finishedAt }) => ({
            run: id,
            state,
            at: finishedAt,
          }));
          const failures = await countStreak(transaction, row.uid, number(row.anchor), told);
          if (failures.length < most) continue;
          const detail = `${failures.length} runs in a row failed, the last one ${failures.at(-1)?.run}`;
          paused.push(await pauseJob(transaction, row, { reason: 'Failures', detail }, now));
        }
        return paused;
      }),

    pauseAtLimit: (term, jobs, now) =>
      database.transaction(async transaction => {
        await requireTerm(transaction, term);
        const wanted = new Map<string, (typeof jobs)[number]>(jobs.map(job => [job.uid, job]));
        const paused: Job[] = [];
        const waiting = await withWaitingRuns(transaction, [...wanted.keys()]);
        for (const row of await unpaused(transaction, [...wanted.keys()])) {
          if (waiting.has(row.uid)) continue;
          const { countsFrom, detail } = wanted.get(row.uid) ?? {};
          if ((row.spec as JobSpec).maxRuns === undefined || number(row.countsFrom ?? row.anchor) !== countsFrom)
            continue;
          paused.push(await pauseJob(transaction, row, { reason: 'RunLimit', detail: detail ?? '' }, now));
        }
        return paused;
      }),
  };
}

/** Jobs with a run of their schedule that no worker has: paused, they would never have it. */
async function withWaitingRuns(transaction: Transaction, uids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await transaction.$queryRaw<{ uid: string }[]>`
    SELECT DISTINCT job_uid AS uid FROM run
    WHERE state IN ('Pending') AND job_uid = ANY (${uids}::text[]) AND tick IS NOT NULL`;
  return new Set(rows.map(({ uid }) => uid));
}

/** Of these jobs those that are there and not paused, kept from other writers. */
function unpaused(transaction: Transaction, uids: readonly string[]): Promise<JobRow[]> {
  return transaction.$queryRaw<JobRow[]>`
    SELECT ${jobColumns} FROM job WHERE uid = ANY (${uids}::text[]) AND paused IS NULL ORDER BY uid FOR UPDATE`;
}
