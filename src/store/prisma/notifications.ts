import type { JobUid } from '../../domain/job/job.ts';
import type { NewNotification, NotifyEvent } from '../../domain/notification/notification.ts';
import type { RunId } from '../../domain/run/run.ts';
import type { Notification, NotificationState, Store } from '../store.ts';
import type { Notification as NotificationRow, Prisma, Run as RunRow, Skip as SkipRow } from './client/client.ts';
import type { Database } from './database.ts';
import { toSkip } from './history.ts';
import { requireTerm } from './leadership.ts';
import { asJson, recordset } from './recordset.ts';
import { runColumns, stateLiterals, toRun } from './run-row.ts';
import { number } from './values.ts';

/** How far back failures in a row are counted. */
const countedAtMost = 1_000;
const ended = stateLiterals(['Succeeded', 'Failed', 'TimedOut', 'Lost']);
const waiting = stateLiterals(['Pending', 'Claimed']);

const columns = {
  id: 'text',
  jobUid: 'text',
  namespace: 'text',
  name: 'text',
  channel: 'text',
  event: 'text',
  run: 'text',
  content: 'text',
} as const;

type Notifications = Pick<
  Store,
  | 'failuresBefore'
  | 'skipsRecordedAfter'
  | 'lateRuns'
  | 'dueNotifications'
  | 'listNotifications'
  | 'addNotifications'
  | 'noteNotification'
>;

/** What there is to tell, and what has become of it. */
export function notifications(database: Database): Notifications {
  const { prisma } = database;
  return {
    failuresBefore: async (ids, failed) => {
      const rows = await prisma.$queryRaw<{ id: RunId; count: bigint }[]>`
        SELECT about.id, (
          SELECT count(*) FROM (
            SELECT bool_and(state IN (${stateLiterals(failed)})) OVER (ORDER BY due_at DESC, id DESC) AS still
            FROM (
              SELECT state, due_at, id FROM run
              WHERE namespace = about.namespace AND name = about.name AND job_uid = about.job_uid
                AND (due_at, id) < (about.due_at, about.id) AND state IN (${ended})
              ORDER BY due_at DESC, id DESC LIMIT ${countedAtMost}
            ) AS before
          ) AS marked WHERE still
        ) AS count
        FROM run AS about WHERE about.id = ANY (${ids}::text[])`;
      return new Map(rows.map(({ id, count }) => [id, number(count)]));
    },

    skipsRecordedAfter: async (after, jobs, limit) => {
      const where = { recordedAt: { gt: BigInt(after) }, jobUid: { in: [...jobs] } };
      const rows: SkipRow[] = await prisma.skip.findMany({ where, orderBy: { recordedAt: 'asc' }, take: limit });
      return rows.map(toSkip);
    },

    lateRuns: async (jobs, { since, now, lateness }) => {
      const rows = await prisma.$queryRaw<RunRow[]>`
        SELECT ${runColumns}
        FROM ${recordset('job', { jobUid: 'text', namespace: 'text', name: 'text' }, jobs)}
        JOIN run ON run.namespace = job.namespace AND run.name = job.name AND run.job_uid = job."jobUid"
          AND run.due_at >= ${BigInt(since)} AND run.due_at < ${BigInt(now - lateness)}
        WHERE run.attempt <= 1 AND run.trigger <> 'backfill' AND run.last_outcome IS NULL
          AND (run.started_at - run.due_at > ${BigInt(lateness)}
            OR (run.started_at IS NULL AND run.state IN (${waiting})))`;
      return rows.map(toRun);
    },

    dueNotifications: async (channel, now, limit) => {
      const where = { state: 'Waiting', channel, at: { lte: BigInt(now) } };
      return (
        await prisma.notification.findMany({ where, orderBy: [{ at: 'asc' }, { sequence: 'asc' }], take: limit })
      ).map(toNotification);
    },

    listNotifications: async ({ limit, namespaces, ...rest }) => {
      const where = namespaces === undefined ? rest : { namespace: { in: [...namespaces] }, ...rest };
      const orderBy = [
        { createdAt: 'desc' },
        { sequence: 'desc' },
      ] satisfies Prisma.NotificationOrderByWithRelationInput[];
      return (await prisma.notification.findMany({ where, orderBy, take: limit })).map(toNotification);
    },

    addNotifications: (term, wanted, now) =>
      database.transaction(async transaction => {
        await requireTerm(transaction, term);
        const rows = wanted.map((one: NewNotification) => ({ ...one, content: asJson(one.content) }));
        await transaction.$executeRaw`
          INSERT INTO notification (id, job_uid, namespace, name, channel, event, run, content, state, created_at, at)
          SELECT id, "jobUid", namespace, name, channel, event, run, content::json, 'Waiting', ${BigInt(now)},
            ${BigInt(now)}
          FROM ${recordset('wanted', columns, rows)}
          ON CONFLICT (id) DO NOTHING`;
      }),

    noteNotification: (term, { id, state, attempts, at, error }) =>
      database.transaction(async transaction => {
        await requireTerm(transaction, term);
        const data = { state, attempts, at: BigInt(at), error: error ?? null };
        await transaction.notification.updateMany({ where: { id, state: 'Waiting' }, data });
      }),
  };
}

function toNotification(row: NotificationRow): Notification {
  return {
    id: row.id,
    jobUid: row.jobUid as JobUid,
    namespace: row.namespace,
    name: row.name,
    channel: row.channel,
    event: row.event as NotifyEvent,
    ...(row.run !== null && { run: row.run as RunId }),
    content: row.content as unknown as Notification['content'],
    state: row.state as NotificationState,
    attempts: row.attempts,
    createdAt: number(row.createdAt),
    at: number(row.at),
    ...(row.error !== null && { error: row.error }),
  };
}
