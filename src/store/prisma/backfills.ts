import { CronmeshError, ErrorCode } from '../../domain/errors.ts';
import type { JobUid } from '../../domain/job/job.ts';
import type { BackfillId } from '../../domain/run/run.ts';
import type { ScheduledJob } from '../../domain/schedule/index.ts';
import type { Backfill, BackfillOrder, BackfillState, BackfillStore, NewBackfill } from '../backfill.ts';
import type { Backfill as Row } from './client/client.ts';
import { Prisma } from './client/client.ts';
import type { Database } from './database.ts';
import { requireTerm } from './leadership.ts';
import { insertPending } from './runs.ts';
import { decodeCursor, encodeCursor, number } from './values.ts';

/** Backfills. Only `cancelBackfill` and the leader's steps change a row; both look at its state. */
export function backfills(database: Database): BackfillStore {
  const { prisma } = database;
  return {
    createBackfill: async backfill => {
      try {
        return toBackfill(await prisma.backfill.create({ data: toRow(backfill) }));
      } catch (error) {
        if (!(error instanceof Prisma.PrismaClientKnownRequestError) || error.code !== 'P2002') throw error;
        throw new CronmeshError(ErrorCode.AlreadyExists, `the backfill ${backfill.id} exists already`, {
          cause: error,
        });
      }
    },

    getBackfill: async id => {
      const row = await prisma.backfill.findUnique({ where: { id } });
      return row === null ? undefined : toBackfill(row);
    },

    listBackfills: async filter => {
      const where: Prisma.BackfillWhereInput = {};
      if (filter.namespace !== undefined) where.namespace = filter.namespace;
      else if (filter.namespaces !== undefined) where.namespace = { in: [...filter.namespaces] };
      if (filter.name !== undefined) where.name = filter.name;
      if (filter.state !== undefined) where.state = filter.state;
      if (filter.cursor !== undefined) {
        const [at, id] = decodeCursor(filter.cursor, [0, ''] as const);
        where.OR = [{ requestedAt: { lt: BigInt(at) } }, { requestedAt: BigInt(at), id: { lt: id } }];
      }
      const rows = await prisma.backfill.findMany({
        where,
        orderBy: [{ requestedAt: 'desc' }, { id: 'desc' }],
        take: filter.limit + 1,
      });
      const items = rows.slice(0, filter.limit);
      const last = items.at(-1);
      return {
        items: items.map(toBackfill),
        ...(rows.length > filter.limit && last && { next: encodeCursor([number(last.requestedAt), last.id]) }),
      };
    },

    cancelBackfill: async (id, message) => {
      const { count } = await prisma.backfill.updateMany({
        where: { id, state: 'Running' },
        data: { state: 'Cancelled', message },
      });
      return count === 1;
    },

    openBackfills: async limit => {
      const rows = await prisma.backfill.findMany({
        where: { endedAt: null },
        orderBy: [{ requestedAt: 'asc' }, { id: 'asc' }],
        take: limit,
      });
      return rows.map(toBackfill);
    },

    ticksWithRun: async ({ uid, namespace, name }, from, to) => {
      const rows = await prisma.$queryRaw<{ tick: bigint }[]>`
        SELECT DISTINCT tick FROM run WHERE namespace = ${namespace} AND name = ${name} AND job_uid = ${uid}
          AND due_at >= ${BigInt(from)} AND due_at <= ${BigInt(to)} AND tick IS NOT NULL AND state <> 'Skipped'`;
      return new Set(rows.map(({ tick }) => number(tick)));
    },

    advanceBackfill: (term, step) =>
      database.transaction(async transaction => {
        await requireTerm(transaction, term);
        const { id, from, state, position, counts, open, endedAt } = step;
        const { count } = await transaction.backfill.updateMany({
          where: { id, state: from },
          data: {
            state,
            ...counts,
            openTicks: [...open],
            ...(position !== undefined && { position: BigInt(position) }),
            ...(endedAt !== undefined && { endedAt: BigInt(endedAt) }),
          },
        });
        if (count === 1) await insertPending(transaction, step.runs);
        return count === 1;
      }),
  };
}

function toRow(backfill: NewBackfill): Prisma.BackfillCreateInput {
  const { from, to, by, at, schedule, ...rest } = backfill;
  return {
    ...rest,
    first: BigInt(from),
    until: BigInt(to),
    requestedBy: by,
    requestedAt: BigInt(at),
    schedule: schedule as unknown as Prisma.InputJsonValue,
    state: 'Running',
    openTicks: [],
  };
}

function toBackfill(row: Row): Backfill {
  const { succeeded, failed, skipped, leftOut } = row;
  return {
    id: row.id as BackfillId,
    jobUid: row.jobUid as JobUid,
    namespace: row.namespace,
    name: row.name,
    from: number(row.first),
    to: number(row.until),
    parallelism: row.parallelism,
    order: row.order as BackfillOrder,
    onlyMissing: row.onlyMissing,
    total: row.total,
    schedule: row.schedule as unknown as ScheduledJob,
    by: row.requestedBy,
    at: number(row.requestedAt),
    state: row.state as BackfillState,
    counts: { succeeded, failed, skipped, leftOut },
    open: row.openTicks as number[],
    ...(row.message !== null && { message: row.message }),
    ...(row.position !== null && { position: number(row.position) }),
    ...(row.endedAt !== null && { endedAt: number(row.endedAt) }),
  };
}
