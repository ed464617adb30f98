import type { JobCalendar } from '../../domain/calendar/calendar.ts';
import type { Job, JobSource, JobUid } from '../../domain/job/job.ts';
import type { Pause } from '../../domain/job/pause.ts';
import type { JobSpec, Labels } from '../../domain/job/spec.ts';
import type { Job as JobRow } from './client/client.ts';
import { Prisma } from './client/client.ts';
import { number } from './values.ts';

/** Every column of a job, named as Prisma's model names it. */
export const jobColumns = Prisma.raw(
  `job.uid, job.namespace, job.name, job.labels, job.annotations, job.spec, job.calendars, job.revision, job.floor,
   job.anchor, job.counts_from AS "countsFrom", job.paused, job.source, job.created_at AS "createdAt",
   job.updated_at AS "updatedAt"`,
);

export function toJob(row: JobRow): Job {
  return {
    uid: row.uid as JobUid,
    namespace: row.namespace,
    name: row.name,
    labels: row.labels as Labels,
    annotations: row.annotations as Readonly<Record<string, string>>,
    spec: row.spec as JobSpec,
    ...(row.calendars !== null && { calendars: row.calendars as unknown as readonly JobCalendar[] }),
    revision: row.revision,
    floor: number(row.floor),
    anchor: number(row.anchor),
    countsFrom: number(row.countsFrom ?? row.anchor),
    ...(row.paused !== null && { paused: row.paused as unknown as Pause }),
    source: row.source as JobSource,
    createdAt: number(row.createdAt),
    updatedAt: number(row.updatedAt),
  };
}
