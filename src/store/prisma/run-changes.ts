import type { JobSource, JobUid } from '../../domain/job/job.ts';
import type { ChangedRun, ChangePosition, Run, RunSummary, Store } from '../store.ts';
import type { Run as RunRow } from './client/client.ts';
import type { Database } from './database.ts';
import { clockSlack, notDelayed } from './run-list.ts';
import { runColumns, stateLiterals, toRun } from './run-row.ts';
import { number } from './values.ts';

const active = stateLiterals(['Pending', 'Claimed', 'Running']);
const succeeded = stateLiterals(['Succeeded']);
const done = stateLiterals(['Succeeded', 'Killed', 'Skipped']);
const retried = stateLiterals(['Failed', 'TimedOut', 'Lost']);

/** How far back a job's last success is looked for, in runs: one that always fails must not cost a read of all. */
const successSearch = 1_000;

/** What the operator tells of runs: the changed ones, and what the runs of a job come to. */
export function runChanges(
  database: Database,
): Pick<Store, 'runsChangedAfter' | 'runsEndedAfter' | 'lastRunChange' | 'runSummaries'> {
  const { prisma } = database;
  return {
    runsChangedAfter: async (source: JobSource, { changedAt, id }: ChangePosition, limit) => {
      const rows = await prisma.$queryRaw<RunRow[]>`
        SELECT ${runColumns} FROM run JOIN job ON job.uid = run.job_uid AND job.source = ${source}
        WHERE (run.reported_at, run.id) > (${BigInt(changedAt)}, ${id})
        ORDER BY run.reported_at, run.id LIMIT ${limit}`;
      return rows.map((row): ChangedRun => ({ ...toRun(row), changedAt: number(row.reportedAt) }));
    },

    runsEndedAfter: async ({ changedAt, id }, limit, jobs) => {
      // `retry` is NULL where the leader has yet to decide about a further attempt, and may be before one ends well.
      const rows = await prisma.$queryRaw<RunRow[]>`
        SELECT ${runColumns} FROM run
        WHERE (run.reported_at, run.id) > (${BigInt(changedAt)}, ${id})
          AND run.job_uid = ANY (${jobs}::text[]) AND (state IN (${done}) OR (state IN (${retried}) AND retry = 'None'))
        ORDER BY run.reported_at, run.id LIMIT ${limit}`;
      return rows.map((row): ChangedRun => ({ ...toRun(row), changedAt: number(row.reportedAt) }));
    },

    lastRunChange: async () => {
      const [row] = await prisma.$queryRaw<{ at: bigint | null }[]>`SELECT max(reported_at) AS at FROM run`;
      return row === undefined || row.at === null ? undefined : number(row.at);
    },

    runSummaries: async (uids, recent) => {
      const asked = [...new Set(uids)];
      const [runs, counts, successes] = await Promise.all([
        newestRuns(database, asked, recent),
        activeCounts(database, asked),
        lastSuccesses(database, asked),
      ]);
      const found = new Map<JobUid, { active: number; recent: RunSummary['recent']; lastSuccess?: Run }>();
      for (const row of runs) {
        const uid = row.jobUid as JobUid;
        const summary = found.get(uid) ?? { active: counts.get(uid) ?? 0, recent: [] };
        found.set(uid, { ...summary, recent: [...summary.recent, toRun(row)] });
      }
      for (const row of successes) {
        const uid = row.jobUid as JobUid;
        const summary = found.get(uid);
        if (summary !== undefined) found.set(uid, { ...summary, lastSuccess: toRun(row) });
      }
      return found;
    },
  };
}

/** As `lastRuns` finds them: a spell tells the job's name, and so the index to read, and its anchor where to stop. */
function newestRuns({ prisma }: Database, uids: readonly JobUid[], recent: number): Promise<RunRow[]> {
  return prisma.$queryRaw<RunRow[]>`
    SELECT newest.* FROM unnest(${uids}::text[]) AS asked (uid)
    CROSS JOIN LATERAL (SELECT namespace, name, anchor FROM job_spell WHERE uid = asked.uid LIMIT 1) AS job
    CROSS JOIN LATERAL (
      SELECT ${runColumns} FROM run
      WHERE namespace = job.namespace AND name = job.name AND due_at >= job.anchor - ${clockSlack} AND job_uid = asked.uid
        AND ${notDelayed}
      ORDER BY due_at DESC, id DESC LIMIT ${recent}
    ) AS newest
    ORDER BY newest."jobUid", newest."dueAt" DESC, newest.id DESC`;
}

function lastSuccesses({ prisma }: Database, uids: readonly JobUid[]): Promise<RunRow[]> {
  return prisma.$queryRaw<RunRow[]>`
    SELECT success.* FROM unnest(${uids}::text[]) AS asked (uid)
    CROSS JOIN LATERAL (SELECT namespace, name, anchor FROM job_spell WHERE uid = asked.uid LIMIT 1) AS job
    CROSS JOIN LATERAL (
      SELECT * FROM (
        SELECT ${runColumns} FROM run
        WHERE namespace = job.namespace AND name = job.name AND due_at >= job.anchor - ${clockSlack}
          AND job_uid = asked.uid
        ORDER BY due_at DESC, id DESC LIMIT ${successSearch}
      ) AS newest
      WHERE newest.state IN (${succeeded}) ORDER BY newest."dueAt" DESC, newest.id DESC LIMIT 1
    ) AS success`;
}

async function activeCounts({ prisma }: Database, uids: readonly JobUid[]): Promise<ReadonlyMap<JobUid, number>> {
  const rows = await prisma.$queryRaw<{ uid: string; count: bigint }[]>`
    SELECT job_uid AS uid, count(*) AS count FROM run
    WHERE state IN (${active}) AND ${notDelayed} AND job_uid = ANY (${uids}::text[]) GROUP BY job_uid`;
  return new Map(rows.map(row => [row.uid as JobUid, number(row.count)]));
}
