import { isDeepStrictEqual } from 'node:util';
import { type JobCalendar, namedCalendars } from '../../domain/calendar/calendar.ts';
import { CronmeshError, ErrorCode } from '../../domain/errors.ts';
import { sameTicks } from '../../domain/job/floor.ts';
import type { Job, JobUid } from '../../domain/job/job.ts';
import { changesLimits, type Pause } from '../../domain/job/pause.ts';
import type { JobSpec } from '../../domain/job/spec.ts';
import type { Instant } from '../../domain/time.ts';
import type { JobChange, NewJob, Store } from '../store.ts';
import { resolveCalendars } from './calendar-uses.ts';
import { type Job as JobRow, Prisma } from './client/client.ts';
import type { Database, Transaction } from './database.ts';
import { forgetChain, writeAfter } from './edges.ts';
import { isDuplicate } from './errors.ts';
import { listJobs } from './job-list.ts';
import { jobColumns, toJob } from './job-row.ts';
import { publish } from './outbox.ts';
import { recordset } from './recordset.ts';
import { closeSpell, openSpell, reviseSpell } from './spells.ts';
import { beginStreak } from './streaks.ts';
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
        await forgetChain(transaction, uid);
        await transaction.streak.deleteMany({ where: { jobUid: uid } });
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
      countsFrom: now,
      source: job.source,
      createdAt: now,
      updatedAt: now,
    },
  });
  await writeAfter(transaction, row);
  await openSpell(transaction, row);
  await publish(transaction, row);
  return toJob(row);
}

async function update(transaction: Transaction, change: JobChange): Promise<Job> {
  // Before the job's row: whoever changes a calendar takes it before the jobs that name it, too.
  const calendars = await calendarsOf(transaction, change);
  const before = await locked(transaction, change.uid, change.revision);
  const former = before.spec as JobSpec;
  const anew = change.resume === true || changesLimits(former, change.spec);
  const sameSchedule = sameTicks(toJob(before), {
    spec: change.spec,
    ...(calendars !== undefined && { calendars }),
  });
  const same = sameSchedule && !(anew && before.paused !== null);
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
      ...(anew && { paused: Prisma.DbNull, countsFrom: BigInt(change.now) }),
      updatedAt: BigInt(change.now),
    },
  });
  if (anew) await beginStreak(transaction, row.uid, change.now);
  if (!isDeepStrictEqual(former.after, change.spec.after)) await writeAfter(transaction, row);
  if (same && floor === before.floor) {
    await reviseSpell(transaction, row);
  } else {
    await closeSpell(transaction, row.uid, number(floor));
    await openSpell(transaction, row);
  }
  await publish(transaction, row);
  return toJob(row);
}

/** A job pauses itself: from now on as a suspended one, whoever applies its spec. */
export async function pauseJob(
  transaction: Transaction,
  row: JobRow,
  { reason, detail }: Pick<Pause, 'reason' | 'detail'>,
  now: Instant,
): Promise<Job> {
  const floor = BigInt(Math.max(number(row.floor), now));
  const paused = await transaction.job.update({
    where: { uid: row.uid },
    data: { paused: { at: now, reason, detail }, revision: row.revision + 1, floor, updatedAt: BigInt(now) },
  });
  await closeSpell(transaction, row.uid, number(floor));
  await openSpell(transaction, paused);
  await publish(transaction, paused);
  return toJob(paused);
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
