import type { JobCalendar } from '../../domain/calendar/calendar.ts';
import type { JobUid } from '../../domain/job/job.ts';
import type { Pause } from '../../domain/job/pause.ts';
import type { JobSpec } from '../../domain/job/spec.ts';
import type { Instant } from '../../domain/time.ts';
import type { JobSpell } from '../store.ts';
import type { Job as JobRow, Prisma, JobSpell as SpellRow } from './client/client.ts';
import type { Transaction } from './database.ts';
import { number } from './values.ts';

export async function openSpell(transaction: Transaction, job: JobRow): Promise<void> {
  await transaction.jobSpell.create({
    data: {
      uid: job.uid,
      firstRevision: job.revision,
      revision: job.revision,
      namespace: job.namespace,
      name: job.name,
      spec: job.spec as Prisma.InputJsonValue,
      ...(job.calendars !== null && { calendars: job.calendars as Prisma.InputJsonValue }),
      floor: job.floor,
      anchor: job.anchor,
      countsFrom: job.countsFrom,
      ...(job.paused !== null && { paused: job.paused }),
      accountedUntil: job.floor,
    },
  });
}

/** The schedule is as it was: the open spell goes on under the new revision. */
export async function reviseSpell(transaction: Transaction, job: JobRow): Promise<void> {
  await transaction.jobSpell.updateMany({
    where: { uid: job.uid, until: null },
    data: { revision: job.revision, spec: job.spec as Prisma.InputJsonValue },
  });
}

/** Ends the open spell. A clock that went back makes it empty, never shorter than empty. */
export async function closeSpell(transaction: Transaction, uid: string, until: Instant): Promise<void> {
  await transaction.$executeRaw`
    UPDATE job_spell SET until = greatest(${BigInt(until)}::bigint, floor)
    WHERE uid = ${uid} AND until IS NULL`;
}

export function toSpell(row: SpellRow): JobSpell {
  return {
    uid: row.uid as JobUid,
    namespace: row.namespace,
    name: row.name,
    revision: row.revision,
    spec: row.spec as JobSpec,
    ...(row.calendars !== null && { calendars: row.calendars as unknown as readonly JobCalendar[] }),
    floor: number(row.floor),
    anchor: number(row.anchor),
    countsFrom: number(row.countsFrom ?? row.anchor),
    ...(row.paused !== null && { paused: row.paused as unknown as Pause }),
    ...(row.until !== null && { until: number(row.until) }),
    accountedUntil: number(row.accountedUntil),
  };
}
