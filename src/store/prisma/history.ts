import type { JobUid } from '../../domain/job/job.ts';
import type { SkipReason } from '../../domain/run/run.ts';
import { attemptStep, lineId } from '../line-id.ts';
import type { LogLine, Skip, Store } from '../store.ts';
import type { RunLog as LogRow, Prisma, Skip as SkipRow } from './client/client.ts';
import type { Database } from './database.ts';
import { number } from './values.ts';

export function history(database: Database): Pick<Store, 'runLogs' | 'listSkips'> {
  const { prisma } = database;
  return {
    runLogs: async (id, { after, limit, attempt }) => {
      const only = attempt ?? 0;
      const rows = await prisma.$queryRaw<LogRow[]>`
        SELECT * FROM run_log WHERE run = ${id}
          AND (attempt, sequence) > (${Math.floor(after / attemptStep)}::bigint, ${after % attemptStep}::bigint)
          AND (${only}::int = 0 OR attempt = ${only}::int)
        ORDER BY attempt, sequence LIMIT ${limit}`;
      return rows.map(toLine);
    },

    listSkips: async filter => {
      const where: Prisma.SkipWhereInput = {};
      if (filter.namespace !== undefined) where.namespace = filter.namespace;
      if (filter.name !== undefined) where.name = filter.name;
      if (filter.since !== undefined) where.to = { gte: BigInt(filter.since) };
      if (filter.until !== undefined) where.from = { lt: BigInt(filter.until) };
      const rows = await prisma.skip.findMany({
        where,
        orderBy: [{ to: filter.oldestFirst ? 'asc' : 'desc' }, { jobUid: 'asc' }],
        take: filter.limit,
      });
      return rows.map(toSkip);
    },
  };
}

function toLine(row: LogRow): LogLine {
  return {
    id: lineId(row.attempt, row.sequence),
    attempt: row.attempt,
    sequence: row.sequence,
    stream: row.stream as LogLine['stream'],
    at: number(row.at),
    text: row.text,
  };
}

export function toSkip(row: SkipRow): Skip {
  return {
    jobUid: row.jobUid as JobUid,
    namespace: row.namespace,
    name: row.name,
    from: number(row.from),
    to: number(row.to),
    count: row.count,
    reason: row.reason as SkipReason,
    detail: row.detail,
    recordedAt: number(row.recordedAt),
  };
}
