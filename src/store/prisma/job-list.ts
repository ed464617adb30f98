import type { Job } from '../../domain/job/job.ts';
import type { JobFilter, Page } from '../store.ts';
import type { Job as JobRow, PrismaClient } from './client/client.ts';
import { Prisma } from './client/client.ts';
import { jobColumns, toJob } from './job-row.ts';
import { decodeCursor, encodeCursor } from './values.ts';

/** Jobs by namespace and name: a page goes on behind the last key of the one before. */
export async function listJobs(prisma: PrismaClient, filter: JobFilter): Promise<Page<Job>> {
  const conditions = [Prisma.sql`TRUE`];
  if (filter.namespace !== undefined) conditions.push(Prisma.sql`job.namespace = ${filter.namespace}`);
  if (filter.namespaces !== undefined)
    conditions.push(Prisma.sql`job.namespace = ANY(${[...filter.namespaces]}::text[])`);
  if (filter.labels !== undefined && Object.keys(filter.labels).length > 0) {
    conditions.push(Prisma.sql`job.labels @> ${JSON.stringify(filter.labels)}::jsonb`);
  }
  if (filter.search !== undefined && filter.search !== '') {
    conditions.push(Prisma.sql`strpos(job.name, ${filter.search.toLowerCase()}) > 0`);
  }
  if (filter.source !== undefined) conditions.push(Prisma.sql`job.source = ${filter.source}`);
  if (filter.cursor !== undefined) {
    const [namespace, name] = decodeCursor(filter.cursor, ['', ''] as const);
    conditions.push(Prisma.sql`(job.namespace, job.name) > (${namespace}, ${name})`);
  }
  // The inner query gives keys alone: a search then reads the index and no row of those that do not match.
  const rows = await prisma.$queryRaw<JobRow[]>`
    SELECT ${jobColumns} FROM job JOIN (
      SELECT namespace, name FROM job WHERE ${Prisma.join(conditions, ' AND ')}
      ORDER BY namespace, name LIMIT ${filter.limit + 1}
    ) AS page USING (namespace, name) ORDER BY job.namespace, job.name`;
  const items = rows.slice(0, filter.limit).map(toJob);
  const last = items.at(-1);
  return rows.length > filter.limit && last ? { items, next: encodeCursor([last.namespace, last.name]) } : { items };
}
