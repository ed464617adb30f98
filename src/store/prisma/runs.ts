import type { RunId } from '../../domain/run/run.ts';
import type { NewRun, Store } from '../store.ts';
import { Prisma, type PrismaClient, type Run as RunRow } from './client/client.ts';
import type { Database, Transaction } from './database.ts';
import { asJson, recordset } from './recordset.ts';
import { runColumns, stateLiterals, toPendingRun, toRun } from './run-row.ts';

const pending = stateLiterals(['Pending']);
const going = stateLiterals(['Claimed', 'Running']);

export function runs(
  database: Database,
): Pick<
  Store,
  | 'createRun'
  | 'createRuns'
  | 'pendingRuns'
  | 'countPending'
  | 'markRunsPublished'
  | 'cancelRun'
  | 'getRun'
  | 'getRuns'
  | 'quietRuns'
> {
  const { prisma } = database;
  const getRun = async (id: RunId) => {
    const row = await prisma.run.findUnique({ where: { id } });
    return row === null ? undefined : toRun(row);
  };
  return {
    createRun: async run => {
      await insertPending(prisma, [run]);
      const created = await getRun(run.id);
      if (created === undefined) throw new Error(`the run ${run.id} was deleted as it was made`);
      return created;
    },

    createRuns: async wanted => {
      await insertPending(prisma, wanted);
      return (
        await prisma.run.findMany({ where: { id: { in: wanted.map(({ id }) => id) } }, orderBy: { id: 'asc' } })
      ).map(toRun);
    },

    pendingRuns: async (limit, dueBy) => {
      const due = dueBy === undefined ? Prisma.empty : Prisma.sql`AND requested_at <= ${BigInt(dueBy)}`;
      const rows = await prisma.$queryRaw<RunRow[]>`
        SELECT ${runColumns} FROM run WHERE state IN (${pending}) AND retry IS DISTINCT FROM 'Waiting' ${due}
        ORDER BY published, requested_at, id LIMIT ${limit}`;
      return rows.map(toPendingRun);
    },

    countPending: async (jobUid, most) => {
      const [counts] = await prisma.$queryRaw<{ all: bigint; of_job: bigint }[]>`
        SELECT count(*) AS all, count(*) FILTER (WHERE job_uid = ${jobUid}) AS of_job
        FROM (SELECT job_uid FROM run WHERE state IN (${pending}) AND retry IS DISTINCT FROM 'Waiting' LIMIT ${most}) AS counted`;
      return { all: Number(counts?.all ?? 0), ofJob: Number(counts?.of_job ?? 0) };
    },

    markRunsPublished: async ids => {
      await prisma.run.updateMany({ where: { id: { in: [...ids] } }, data: { published: true } });
    },

    cancelRun: async (id, message, now) => {
      const changed = await prisma.$executeRaw`
        UPDATE run SET state = 'Skipped', reason = 'Cancelled', message = ${message}, retry = 'None',
          finished_at = ${BigInt(now)}, reported_at = greatest(reported_at, ${BigInt(now)})
        WHERE id = ${id} AND state IN (${pending}) AND attempt = 0`;
      return changed === 1;
    },

    getRun,

    getRuns: async ids => (await prisma.run.findMany({ where: { id: { in: [...ids] } } })).map(toRun),

    quietRuns: async (before, limit) => {
      const rows = await prisma.$queryRaw<RunRow[]>`
        SELECT ${runColumns} FROM run WHERE state IN (${going}) AND reported_at < ${BigInt(before)}
        ORDER BY reported_at, id LIMIT ${limit}`;
      return rows.map(toRun);
    },
  };
}

const newRunColumns = {
  id: 'text',
  jobUid: 'text',
  namespace: 'text',
  name: 'text',
  trigger: 'text',
  tick: 'bigint',
  revision: 'int',
  requestedAt: 'bigint',
  askedAt: 'bigint',
  by: 'text',
  deadline: 'bigint',
  particulars: 'text',
  chain: 'text',
  upstream: 'text',
} as const;

/** Writes runs that wait for a worker. One that is there already stays as it is: asking twice is asking once. */
export async function insertPending(on: PrismaClient | Transaction, wanted: readonly NewRun[]): Promise<void> {
  if (wanted.length === 0) return;
  await on.$executeRaw`
    INSERT INTO run (id, job_uid, namespace, name, trigger, tick, due_at, state, attempt, revision, requested_at,
      requested_by, deadline, reported_at, particulars, chain, upstream)
    SELECT id, "jobUid", namespace, name, trigger, tick, coalesce(tick, "requestedAt"), 'Pending', 0, revision,
      "requestedAt", by, deadline, coalesce("askedAt", "requestedAt"), particulars::json, chain, upstream::json
    FROM ${recordset('wanted', newRunColumns, wanted.map(toRow))}
    ON CONFLICT (id) DO NOTHING`;
}

const toRow = (run: NewRun) => ({ ...run, particulars: asJson(run.particulars), upstream: asJson(run.upstream) });
