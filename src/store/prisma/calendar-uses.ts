import { type JobCalendar, namedCalendars } from '../../domain/calendar/calendar.ts';
import type { CalendarSpec } from '../../domain/calendar/spec.ts';
import { CronmeshError, ErrorCode } from '../../domain/errors.ts';
import { nearest } from '../../domain/job/nearest.ts';
import { maxJobBytes } from '../../domain/job/validate.ts';
import type { NewJob } from '../store.ts';
import type { Transaction } from './database.ts';

/** Calendars of a namespace that an error lists. */
const listed = 20;

/**
 * What the calendars that a job names hold; undefined where it names none. They are kept as they are until the
 * transaction ends.
 *
 * @throws CronmeshError InvalidInput when one is not there, or when the job would be too large with them
 */
export async function resolveCalendars(
  transaction: Transaction,
  job: Pick<NewJob, 'namespace' | 'labels' | 'annotations' | 'spec'>,
): Promise<readonly JobCalendar[] | undefined> {
  const names = namedCalendars(job.spec.calendars);
  if (names.length === 0) return undefined;
  const rows = await transaction.$queryRaw<{ name: string; spec: CalendarSpec }[]>`
    SELECT name, spec FROM calendar WHERE namespace = ${job.namespace} AND name = ANY(${names}) ORDER BY name FOR SHARE`;
  if (rows.length < names.length) throw await unknown(transaction, job, new Set(rows.map(({ name }) => name)));
  // In the order of the names by code points, whatever the database's collation is.
  const calendars = names.flatMap(name => rows.filter(row => row.name === name));
  const { labels, annotations, spec } = job;
  checkSize({ labels, annotations, spec, calendars });
  return calendars;
}

/** @throws CronmeshError InvalidInput when a job and its calendars do not fit into Consul together */
export function checkSize(
  job: Pick<NewJob, 'labels' | 'annotations' | 'spec'> & { readonly calendars: readonly JobCalendar[] },
  who = '',
): void {
  const bytes = Buffer.byteLength(JSON.stringify(job));
  if (bytes <= maxJobBytes) return;
  const message = `are too large together with the job${who}: ${bytes} bytes as JSON, and at most ${maxJobBytes} fit into Consul; let it name fewer or smaller ones`;
  throw new CronmeshError(ErrorCode.InvalidInput, `spec.calendars ${message}`, {
    problems: [{ field: 'spec.calendars', message }],
  });
}

async function unknown(
  transaction: Transaction,
  { namespace, spec }: Pick<NewJob, 'namespace' | 'spec'>,
  found: ReadonlySet<string>,
): Promise<CronmeshError> {
  const rows = await transaction.calendar.findMany({
    where: { namespace },
    select: { name: true },
    orderBy: { name: 'asc' },
  });
  const known = rows.map(({ name }) => name);
  const more = known.length > listed ? `, and ${known.length - listed} more` : '';
  const there = known.length === 0 ? 'it has none' : `there are: ${known.slice(0, listed).join(', ')}${more}`;
  const problems = (['exclude', 'require'] as const).flatMap(part =>
    (spec.calendars?.[part] ?? []).flatMap((name, i) => {
      if (found.has(name)) return [];
      const near = nearest(name, known);
      const guess = near === undefined ? '' : `did you mean ${JSON.stringify(near)}? `;
      const message = `is no calendar of the namespace ${namespace}; ${guess}${there}`;
      return [{ field: `spec.calendars.${part}[${i}]`, value: JSON.stringify(name), message }];
    }),
  );
  const [first] = problems;
  const rest = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new CronmeshError(ErrorCode.InvalidInput, `${first?.field} ${first?.message}${rest}`, { problems });
}
