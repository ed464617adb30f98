import type { ArchiveHold, Store } from '../store.ts';
import { Prisma } from './client/client.ts';
import type { Database } from './database.ts';
import { notHeld } from './held.ts';
import { requireTerm } from './leadership.ts';

type JobRef = Parameters<Store['trim']>[1];

/** What of one job is kept: by number, age and output. */
export function trim(database: Database): Pick<Store, 'trim'> {
  return {
    trim: (term, job, history, { now, before, hold }, limit) =>
      database.transaction(async transaction => {
        await requireTerm(transaction, term);
        const gone: Prisma.Sql[] = [];
        if (history.runs !== undefined) gone.push(Prisma.sql`newer >= ${history.runs}`);
        if (history.days !== undefined)
          gone.push(Prisma.sql`finished_at < ${BigInt(now - Math.round(history.days * 86_400_000))}`);
        let count = 0;
        if (gone.length > 0) {
          count += await transaction.$executeRaw`
            WITH gone AS (
              SELECT id FROM (${endedRuns(job, before, hold)}) AS ended WHERE ${Prisma.join(gone, ' OR ')} LIMIT ${limit}
            ), lines AS (DELETE FROM run_log USING gone WHERE run_log.run = gone.id),
            archived AS (DELETE FROM run_archive USING gone WHERE run_archive.run = gone.id)
            DELETE FROM run USING gone WHERE run.id = gone.id`;
        }
        if (history.days !== undefined) {
          await transaction.$executeRaw`
            DELETE FROM skip WHERE job_uid = ${job.jobUid} AND last_tick < ${BigInt(now - Math.round(history.days * 86_400_000))}`;
        }
        if (history.outputBytes !== undefined) {
          const [row] = await transaction.$queryRaw<{ count: bigint }[]>`
            WITH sized AS (
              SELECT ended.id, ended.newer, ended.due_at, sum(octet_length(run_log.text)) AS bytes
              FROM (${endedRuns(job, before, hold)}) AS ended JOIN run_log ON run_log.run = ended.id
              GROUP BY ended.id, ended.newer, ended.due_at
            ), summed AS (
              SELECT id, newer, sum(bytes) OVER (ORDER BY due_at DESC, id DESC) AS total FROM sized
            ), gone AS (
              SELECT id FROM summed WHERE newer > 0 AND total > ${BigInt(history.outputBytes)} LIMIT ${limit}
            ), deleted AS (DELETE FROM run_log USING gone WHERE run_log.run = gone.id)
            SELECT count(*) AS count FROM gone`;
          count += Number(row?.count ?? 0);
        }
        return count;
      }),
  };
}

/** Ended and accounted: the audit looks for the runs of ticks that it has not settled. `newer`: how many are newer. */
const endedRuns = ({ jobUid, namespace, name }: JobRef, before: number, hold: ArchiveHold | undefined) => Prisma.sql`
  SELECT id, due_at, finished_at, newer FROM (
    SELECT id, tick, due_at, finished_at, state,
      row_number() OVER (ORDER BY due_at DESC, id DESC) - 1 AS newer
    FROM run WHERE namespace = ${namespace} AND name = ${name} AND job_uid = ${jobUid}
      AND finished_at IS NOT NULL AND state <> 'Pending'
  ) AS numbered
  WHERE finished_at <= ${BigInt(before)} ${notHeld(hold, 'numbered')} AND (tick IS NULL OR tick <= coalesce(
    (SELECT max(accounted_until) FROM job_spell WHERE uid = ${jobUid}), 0))`;
