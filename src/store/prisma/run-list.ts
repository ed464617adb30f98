import { CronmeshError, ErrorCode } from '../../domain/errors.ts';
import type { JobUid } from '../../domain/job/job.ts';
import { maxMembers } from '../../domain/job/spec/placement.ts';
import { runsOfWhole } from '../../domain/policy/members.ts';
import { RunState } from '../../domain/run/run.ts';
import type { Page, Run, RunFilter } from '../store.ts';
import type { Run as RunRow } from './client/client.ts';
import { Prisma } from './client/client.ts';
import type { Database } from './database.ts';
import { runColumns, stateLiterals, toRun } from './run-row.ts';
import { decodeCursor, encodeCursor } from './values.ts';

/**
 * Runs, newest first. Each state asked for is a query of its own over an index in the list's order, and their heads
 * are merged: with `state IN (…)` the database would read everything newer to find what is rare.
 */
export async function listRuns({ prisma }: Database, filter: RunFilter): Promise<Page<Run>> {
  const size = filter.limit + 1;
  const conditions = conditionsOf(filter);
  const states = filter.state === undefined || filter.state.length === 0 ? [undefined] : [...new Set(filter.state)];
  const queries = states.map(state => {
    const all = state === undefined ? conditions : [...conditions, Prisma.sql`run.state = ${stateLiteral(state)}`];
    return Prisma.sql`(SELECT ${runColumns} FROM run WHERE ${Prisma.join(all, ' AND ')}
      ORDER BY run.due_at DESC, run.id DESC LIMIT ${size})`;
  });
  const rows = await prisma.$queryRaw<RunRow[]>`
    SELECT * FROM (${Prisma.join(queries, ' UNION ALL ')}) AS head ORDER BY "dueAt" DESC, id DESC LIMIT ${size}`;
  const items = rows.slice(0, filter.limit);
  const last = items.at(-1);
  return {
    items: items.map(toRun),
    ...(rows.length > filter.limit && last && { next: encodeCursor([Number(last.dueAt), last.id]) }),
  };
}

/** A run of a job is due after the job was made: with another master's clock, at most this much before. */
export const clockSlack = 60_000n;

/** A run that waits and is due after its row was written is delayed, and none yet to those who ask for the newest. */
export const notDelayed = Prisma.raw(`(due_at <= reported_at OR state <> 'Pending')`);

/**
 * The newest run of each job, delayed ones excepted. A spell tells the job's name, and so the index to read, and its anchor where to stop:
 * what lies before it belongs to an earlier job of the name.
 */
export async function lastRuns({ prisma }: Database, uids: readonly JobUid[]): Promise<ReadonlyMap<JobUid, Run>> {
  const rows = await prisma.$queryRaw<RunRow[]>`
    SELECT newest.* FROM unnest(${[...new Set(uids)]}::text[]) AS asked (uid)
    CROSS JOIN LATERAL (SELECT namespace, name, anchor FROM job_spell WHERE uid = asked.uid LIMIT 1) AS job
    CROSS JOIN LATERAL (
      SELECT ${runColumns} FROM run
      WHERE namespace = job.namespace AND name = job.name AND due_at >= job.anchor - ${clockSlack} AND job_uid = asked.uid
        AND ${notDelayed}
      ORDER BY due_at DESC, id DESC LIMIT 1
    ) AS newest`;
  return new Map(rows.map(row => [row.jobUid as JobUid, toRun(row)]));
}

function conditionsOf(filter: RunFilter): readonly Prisma.Sql[] {
  const conditions = [Prisma.sql`TRUE`];
  if (filter.namespace !== undefined) conditions.push(Prisma.sql`run.namespace = ${filter.namespace}`);
  if (filter.namespaces !== undefined)
    conditions.push(Prisma.sql`run.namespace = ANY(${[...filter.namespaces]}::text[])`);
  if (filter.name !== undefined) conditions.push(Prisma.sql`run.name = ${filter.name}`);
  if (filter.worker !== undefined) conditions.push(Prisma.sql`run.worker = ${filter.worker}`);
  if (filter.whole !== undefined) {
    // By their ids, which the primary key finds.
    const ids = [filter.whole, ...runsOfWhole(filter.whole, maxMembers)];
    conditions.push(Prisma.sql`run.id = ANY(${ids})`);
  }
  if (filter.since !== undefined) conditions.push(Prisma.sql`run.due_at >= ${BigInt(filter.since)}`);
  if (filter.until !== undefined) conditions.push(Prisma.sql`run.due_at < ${BigInt(filter.until)}`);
  if (filter.cursor !== undefined) {
    const [dueAt, id] = decodeCursor(filter.cursor, [0, ''] as const);
    conditions.push(Prisma.sql`(run.due_at, run.id) < (${BigInt(dueAt)}, ${id})`);
  }
  return conditions;
}

function stateLiteral(state: RunState): Prisma.Sql {
  if (Object.hasOwn(RunState, state)) return stateLiterals([state]);
  const message = `must be one of ${Object.keys(RunState).join(', ')}`;
  throw new CronmeshError(ErrorCode.InvalidInput, `state ${message}`, {
    problems: [{ field: 'state', value: JSON.stringify(state).slice(0, 200), message }],
  });
}
