import type { JobUid } from '../../domain/job/job.ts';
import { failedStates } from '../../domain/run/run.ts';
import type { Store } from '../store.ts';
import { Prisma } from './client/client.ts';
import type { Database } from './database.ts';

/** Jobs that fail again and again. */
export function failing({ prisma }: Database): Pick<Store, 'failingJobs'> {
  return {
    failingJobs: async ({ since, known = [], inARow, limit }) => {
      const failed = [...failedStates];
      const suspects =
        since === undefined
          ? Prisma.sql`TRUE`
          : Prisma.sql`uid IN (
              SELECT unnest(${known}::text[])
              UNION SELECT job_uid FROM run WHERE reported_at > ${since} AND state = ANY (${failed}::text[]))`;
      // Of each job its newest runs alone: by the index on namespace, name and due_at.
      const rows = await prisma.$queryRaw<{ uid: JobUid }[]>`
        SELECT uid FROM job
        WHERE ${suspects} AND (
          SELECT count(*) = ${inARow} AND bool_and(newest.state = ANY (${failed}::text[]))
          FROM (
            SELECT run.state FROM run
            WHERE run.namespace = job.namespace AND run.name = job.name AND run.job_uid = job.uid
              AND run.state IN ('Succeeded', 'Failed', 'TimedOut', 'Lost')
            ORDER BY run.due_at DESC, run.id DESC LIMIT ${inARow}
          ) AS newest)
        ORDER BY uid LIMIT ${limit}`;
      return rows.map(({ uid }) => uid);
    },
  };
}
