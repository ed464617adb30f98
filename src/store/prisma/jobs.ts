import { type JobCalendar, namedCalendars } from '../../domain/calendar/calendar.ts';
import { CronmeshError, ErrorCode } from '../../domain/errors.ts';
import { sameTicks } from '../../domain/job/floor.ts';
import type { Job, JobUid } from '../../domain/job/job.ts';
import type { JobChange, NewJob, Store } from '../store.ts';
import { resolveCalendars } from './calendar-uses.ts';
import type { Job as JobRow } from './client/client.ts';
import { Prisma } from './client/client.ts';
import type { Database, Transaction } from './database.ts';
import { isDuplicate } from './errors.ts';
import { listJobs } from './job-list.ts';
import { jobColumns, toJob } from './job-row.ts';
import { publish } from './outbox.ts';
import { recordset } from './recordset.ts';
import { closeSpell, openSpell, reviseSpell } from './spells.ts';
import { number } from './values.ts';

export function jobs(
  database: Database,
): Pick<Store, 'createJob' | 'updateJob' | 'deleteJob' | 'getJob' | 'getJobs' | 'listJobs'> {
  const { prisma } = database;
  return {
    createJob: async job => {
      try {
        return await database.transaction(transaction => create(transaction, job));
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        throw new CronmeshError(ErrorCode.AlreadyExists, `the job ${job.namespace}/${job.name} exists already`, {
          cause: error,
        });
      }
    },

    updateJob: change => database.transaction(transaction => update(transaction, change)),

    deleteJob: (uid, now, revision) =>
      database.transaction(async transaction => {
        const row = await locked(transaction, uid, revision);
        await transaction.job.delete({ where: { uid } });
        await closeSpell(transaction, uid, now);
        await publish(transaction, row);
      }),

    getJob: async (namespace, name) => {
      const row = await prisma.job.findUnique({ where: { namespace_name: { namespace, name } } });
      return row === null ? undefined : toJob(row);
    },

    getJobs: async keys => {
      const rows = await prisma.$queryRaw<JobRow[]>`
        SELECT ${jobColumns} FROM job
        JOIN (SELECT DISTINCT * FROM ${recordset('key', { namespace: 'text', name: 'text' }, keys)}) AS wanted
          USING (namespace, name)`;
      return rows.map(toJob);
    },

    listJobs: filter => listJobs(prisma, filter),
  };
}

async function create(transaction: Transaction, job: NewJob): Promise<Job> {
  const now = BigInt(job.now);
  const calendars = await resolveCalendars(transaction, job);
  const row = await transaction.job.create({
    data: {
      uid: job.uid,
      namespace: job.namespace,
      name: job.name,
      labels: job.labels,
      annotations: job.annotations,
      spec: job.spec as Prisma.InputJsonValue,
      ...(calendars !== undefined && { calendars: calendars as unknown as Prisma.InputJsonValue }),
      revision: 1,
      floor: now,
      anchor: now,
      source: job.source,
      createdAt: now,
      updatedAt: now,
    },
  });
  await openSpell(transaction, row);
  await publish(transaction, row);
  return toJob(row);
}

async function update(transaction: Transaction, change: JobChange): Promise<Job> {
  // Before the job's row: whoever changes a calendar takes it before the jobs that name it, too.
  const calendars = await calendarsOf(transaction, change);
  const before = await locked(transaction, change.uid, change.revision);
  const same = sameTicks(toJob(before), { spec: change.spec, ...(calendars !== undefined && { calendars }) });
  // A floor never goes back, and another schedule never reaches into the past, whatever the caller stamped.
  const floor = BigInt(Math.max(number(before.floor), change.floor, same ? change.floor : change.now));
  const row = await transaction.job.update({
    where: { uid: change.uid },
    data: {
      labels: change.labels,
      annotations: change.annotations,
      spec: change.spec as Prisma.InputJsonValue,
      calendars: (calendars as unknown as Prisma.InputJsonValue) ?? Prisma.DbNull,
      revision: before.revision + 1,
      floor,
      updatedAt: BigInt(change.now),
    },
  });
  if (same && floor === before.floor) {
    await reviseSpell(transaction, row);
  } else {
    await closeSpell(transaction, row.uid, number(floor));
    await openSpell(transaction, row);
  }
  await publish(transaction, row);
  return toJob(row);
}

/** What is in the calendars that a changed job names; its namespace never changes. */
async function calendarsOf(transaction: Transaction, change: JobChange): Promise<readonly JobCalendar[] | undefined> {
  if (namedCalendars(change.spec.calendars).length === 0) return undefined;
  const row = await transaction.job.findUnique({ where: { uid: change.uid }, select: { namespace: true } });
  return row === null ? undefined : await resolveCalendars(transaction, { ...change, namespace: row.namespace });
}

/** The job's row, kept from other writers until the transaction ends. */
async function locked(transaction: Transaction, uid: JobUid, revision: number | undefined): Promise<JobRow> {
  const [row] = await transaction.$queryRaw<JobRow[]>`SELECT ${jobColumns} FROM job WHERE uid = ${uid} FOR UPDATE`;
  if (row === undefined) {
    throw new CronmeshError(ErrorCode.NotFound, `there is no job with uid ${uid}: it may have been deleted`);
  }
  if (revision !== undefined && row.revision !== revision) {
    throw new CronmeshError(
      ErrorCode.StaleRevision,
      `the job ${row.namespace}/${row.name} is at revision ${row.revision}, not ${revision}: read it again`,
    );
  }
  return row;
}
