import { isDeepStrictEqual } from 'node:util';
import type { Calendar, JobCalendar } from '../../domain/calendar/calendar.ts';
import type { CalendarSpec } from '../../domain/calendar/spec.ts';
import { CronmeshError, ErrorCode } from '../../domain/errors.ts';
import { jobKey } from '../../domain/job/job.ts';
import type { CalendarChange, CalendarFilter, JobName, NewCalendar, Page, Store } from '../store.ts';
import { checkSize } from './calendar-uses.ts';
import type { Calendar as CalendarRow, Job as JobRow } from './client/client.ts';
import { Prisma } from './client/client.ts';
import type { Database, Transaction } from './database.ts';
import { isDuplicate } from './errors.ts';
import { jobColumns, toJob } from './job-row.ts';
import { decodeCursor, encodeCursor, number } from './values.ts';

/** Jobs that an error lists. */
const listed = 10;

export function calendars(
  database: Database,
): Pick<
  Store,
  'createCalendar' | 'updateCalendar' | 'deleteCalendar' | 'getCalendar' | 'listCalendars' | 'calendarUsers'
> {
  const { prisma } = database;
  return {
    createCalendar: async calendar => {
      try {
        return toCalendar(await prisma.calendar.create({ data: rowOf(calendar) }));
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        const message = `the calendar ${jobKey(calendar)} exists already`;
        throw new CronmeshError(ErrorCode.AlreadyExists, message, { cause: error });
      }
    },

    updateCalendar: change => database.transaction(transaction => update(transaction, change)),

    deleteCalendar: (namespace, name, revision) =>
      database.transaction(async transaction => {
        await locked(transaction, { namespace, name }, revision);
        const users = await usersOf(transaction, namespace, name);
        if (users.length > 0) throw inUse({ namespace, name }, users);
        await transaction.calendar.delete({ where: { namespace_name: { namespace, name } } });
      }),

    getCalendar: async (namespace, name) => {
      const row = await prisma.calendar.findUnique({ where: { namespace_name: { namespace, name } } });
      return row === null ? undefined : toCalendar(row);
    },

    listCalendars: filter => list(database, filter),
    calendarUsers: (namespace, name) => usersOf(prisma, namespace, name),
  };
}

function rowOf({ now, ...calendar }: NewCalendar) {
  const { labels, annotations } = calendar;
  const spec = calendar.spec as Prisma.InputJsonValue;
  return { ...calendar, labels, annotations, spec, revision: 1, createdAt: BigInt(now), updatedAt: BigInt(now) };
}

async function update(
  transaction: Transaction,
  change: CalendarChange,
): Promise<{ calendar: Calendar; jobs: readonly JobName[] }> {
  const { namespace, name, labels, annotations, spec, now } = change;
  const before = await locked(transaction, change, change.revision);
  const row = await transaction.calendar.update({
    where: { namespace_name: { namespace, name } },
    data: {
      labels,
      annotations,
      spec: spec as Prisma.InputJsonValue,
      revision: before.revision + 1,
      updatedAt: BigInt(now),
    },
  });
  const same = isDeepStrictEqual(before.spec, JSON.parse(JSON.stringify(spec)));
  return { calendar: toCalendar(row), jobs: same ? [] : await updateUsers(transaction, change) };
}

/** Gives each job that names the calendar its new content: a change of schedule for it. */
async function updateUsers(transaction: Transaction, change: CalendarChange): Promise<readonly JobName[]> {
  const { namespace, name, spec, now } = change;
  const rows = await transaction.$queryRaw<JobRow[]>`
    SELECT ${jobColumns} FROM job WHERE ${names(namespace, name)} ORDER BY job.uid FOR UPDATE`;
  // Most jobs name the same calendars: what they have then is sent once.
  const byContent = new Map<string, string[]>();
  for (const { labels, annotations, calendars = [], ...job } of rows.map(toJob)) {
    const renewed = calendars.map(one => (one.name === name ? { name, spec } : one));
    checkSize({ labels, annotations, spec: job.spec, calendars: renewed }, ` ${jobKey(job)}`);
    const text = JSON.stringify(renewed satisfies readonly JobCalendar[]);
    byContent.set(text, [...(byContent.get(text) ?? []), job.uid]);
  }
  const at = BigInt(now);
  for (const [text, uids] of byContent) {
    await transaction.$executeRaw`
      UPDATE job SET calendars = ${text}::json, revision = revision + 1, updated_at = ${at}::bigint,
        floor = greatest(floor, ${at}::bigint)
      WHERE uid = ANY(${uids})`;
    // A clock that went back makes a spell empty, never shorter than empty.
    await transaction.$executeRaw`
      UPDATE job_spell SET until = greatest(job.floor, job_spell.floor) FROM job
      WHERE job.uid = job_spell.uid AND job.uid = ANY(${uids}) AND job_spell.until IS NULL`;
    await transaction.$executeRaw`
      INSERT INTO job_spell (uid, first_revision, revision, namespace, name, spec, calendars, floor, anchor, accounted_until)
      SELECT uid, revision, revision, namespace, name, spec, calendars, floor, anchor, floor FROM job WHERE uid = ANY(${uids})`;
  }
  // All at once, in the order of names, as everybody locks them.
  await transaction.$executeRaw`
    INSERT INTO outbox (namespace, name) SELECT namespace, name FROM job WHERE uid = ANY(${rows.map(row => row.uid)})
    ORDER BY namespace, name ON CONFLICT (namespace, name) DO UPDATE SET id = nextval('outbox_id_seq')`;
  return rows.map(job => ({ namespace: job.namespace, name: job.name }));
}

/** The calendar's row, kept from other writers, and from jobs that would name it, until the transaction ends. */
async function locked(transaction: Transaction, key: JobName, revision: number | undefined): Promise<CalendarRow> {
  const [row] = await transaction.$queryRaw<CalendarRow[]>`
    SELECT namespace, name, labels, annotations, spec, revision, created_at AS "createdAt", updated_at AS "updatedAt"
    FROM calendar WHERE namespace = ${key.namespace} AND name = ${key.name} FOR UPDATE`;
  if (row === undefined) throw new CronmeshError(ErrorCode.NotFound, `there is no calendar ${jobKey(key)}`);
  if (revision === undefined || row.revision === revision) return row;
  throw new CronmeshError(
    ErrorCode.StaleRevision,
    `the calendar ${jobKey(key)} is at revision ${row.revision}, not ${revision}: read it again`,
  );
}

/** Jobs of a namespace that name a calendar. */
function names(namespace: string, name: string): Prisma.Sql {
  return Prisma.sql`job.namespace = ${namespace} AND job.calendars IS NOT NULL AND EXISTS (
    SELECT 1 FROM json_array_elements(job.calendars) AS one WHERE one ->> 'name' = ${name})`;
}

async function usersOf(
  prisma: Pick<Transaction, '$queryRaw'>,
  namespace: string,
  name: string,
): Promise<readonly JobName[]> {
  return await prisma.$queryRaw<JobName[]>`
    SELECT job.namespace, job.name FROM job WHERE ${names(namespace, name)} ORDER BY job.name`;
}

function inUse(key: JobName, users: readonly JobName[]): CronmeshError {
  const some = users.slice(0, listed).map(job => job.name);
  const more = users.length > listed ? ` and ${users.length - listed} more` : '';
  return new CronmeshError(
    ErrorCode.Conflict,
    `the calendar ${jobKey(key)} is named by the ${users.length === 1 ? 'job' : 'jobs'} ${some.join(', ')}${more}; take it out of spec.calendars there first`,
  );
}

async function list({ prisma }: Database, filter: CalendarFilter): Promise<Page<Calendar>> {
  const conditions = [Prisma.sql`TRUE`];
  if (filter.namespace !== undefined) conditions.push(Prisma.sql`namespace = ${filter.namespace}`);
  if (filter.namespaces !== undefined) conditions.push(Prisma.sql`namespace = ANY(${[...filter.namespaces]}::text[])`);
  if (filter.cursor !== undefined) {
    const [namespace, name] = decodeCursor(filter.cursor, ['', ''] as const);
    conditions.push(Prisma.sql`(namespace, name) > (${namespace}, ${name})`);
  }
  const rows = await prisma.$queryRaw<CalendarRow[]>`
    SELECT namespace, name, labels, annotations, spec, revision, created_at AS "createdAt", updated_at AS "updatedAt"
    FROM calendar WHERE ${Prisma.join(conditions, ' AND ')} ORDER BY namespace, name LIMIT ${filter.limit + 1}`;
  const items = rows.slice(0, filter.limit).map(toCalendar);
  const last = items.at(-1);
  return rows.length > filter.limit && last ? { items, next: encodeCursor([last.namespace, last.name]) } : { items };
}

function toCalendar(row: CalendarRow): Calendar {
  return {
    namespace: row.namespace,
    name: row.name,
    labels: row.labels as Calendar['labels'],
    annotations: row.annotations as Calendar['annotations'],
    spec: row.spec as unknown as CalendarSpec,
    revision: row.revision,
    createdAt: number(row.createdAt),
    updatedAt: number(row.updatedAt),
  };
}
