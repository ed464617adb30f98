import { z } from '@hono/zod-openapi';
import { RunState } from '../../domain/run/run.ts';
import { BackfillState } from '../../store/backfill.ts';

/** The parameters of the queries. An unknown one is refused: a misspelled filter would otherwise show too much. */

/** No database can look for a NUL. Written as the document's readers know it: many do not know \0. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is the one that is kept out
export const withoutNul = /^[^\u0000]*$/;
const text = (most: number) => z.string().max(most).regex(withoutNul, 'must be text without NUL');

/** Given once, or several times. */
const several = <T extends z.ZodType>(item: T) =>
  z.union([item, z.array(item)]).transform(value => [value].flat() as z.output<T>[]);

const instant = z.iso
  .datetime({ offset: true, message: 'must be an instant as RFC 3339, such as 2026-11-23T06:00:00Z' })
  .transform(value => Date.parse(value));

const limit = (most: number, usual: number) => z.coerce.number().int().min(1).max(most).default(usual);
/** `next` of the page before; of what is listed by name, or by time. Only the store knows what may be in it. */
const cursorBy = (order: 'name' | 'time') =>
  text(1_024)
    .optional()
    .openapi({ format: `cursor-by-${order}`, description: '`next` of the page before, as it was given.' });

const label = z
  .string()
  .max(400)
  .regex(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: no database can look for it
    /^[^=,\u0000]+=[^=,\u0000]*(,[^=,\u0000]+=[^=,\u0000]*)*$/,
    'must be key=value, several separated by commas or given again',
  );

export const noQuery = z.strictObject({});

const jobFilters = {
  label: several(label).optional(),
  search: text(128).optional(),
  cursor: cursorBy('name'),
  limit: limit(500, 100),
};
export const jobsQuery = z.strictObject(jobFilters);
export const allJobsQuery = z.strictObject({ namespace: text(63).optional(), ...jobFilters });

export const calendarsQuery = z.strictObject({ cursor: cursorBy('name'), limit: limit(500, 100) });
export const allCalendarsQuery = z.strictObject({
  namespace: text(63).optional(),
  cursor: cursorBy('name'),
  limit: limit(500, 100),
});
export const calendarImportQuery = z.strictObject({
  from: text(40).optional().openapi({ description: 'A date or instant; default: a year ago.', example: '2026-01-01' }),
  to: text(40).optional().openapi({ description: 'A date or instant; default: five years ahead.' }),
  timeZone: text(64).optional().openapi({
    description: 'Of dates, and of times without a zone; default: what the file says, or UTC.',
    example: 'Europe/Berlin',
  }),
});

const runFilters = {
  state: several(z.enum(RunState)).optional(),
  since: instant.optional(),
  until: instant.optional(),
  cursor: cursorBy('time'),
  limit: limit(500, 100),
};
export const jobRunsQuery = z.strictObject(runFilters);
export const allRunsQuery = z.strictObject({
  namespace: text(63).optional(),
  job: text(128).optional(),
  worker: text(200).optional(),
  whole: text(64)
    .optional()
    .openapi({ description: 'A run’s id without its member’s number: all runs that one tick, or request, came to.' }),
  ...runFilters,
});

export const triggerQuery = z.strictObject({ dryRun: z.enum(['true', 'false']).optional() });

const backfillFilters = { state: z.enum(BackfillState).optional(), cursor: cursorBy('time'), limit: limit(500, 100) };
export const jobBackfillsQuery = z.strictObject(backfillFilters);
export const allBackfillsQuery = z.strictObject({
  namespace: text(63).optional(),
  job: text(128).optional(),
  ...backfillFilters,
});

export const notificationsQuery = z.strictObject({
  namespace: text(63).optional(),
  job: text(128).optional(),
  state: z.enum(['Waiting', 'Sent', 'Failed']).optional(),
  limit: limit(500, 100),
});

export const skipsQuery = z.strictObject({
  since: instant.optional(),
  until: instant.optional(),
  limit: limit(500, 100),
});

export const nextQuery = z.strictObject({
  count: limit(100, 5),
  from: instant.optional(),
  excluded: z
    .enum(['true', 'false'])
    .default('false')
    .openapi({ description: 'Whether to list the times that calendars, startAt and endAt take out, too.' }),
});

export const whyQuery = z.strictObject({
  at: text(64).openapi({
    format: 'time-in-zone',
    description: 'RFC 3339, or a time in the job’s zone: `03:00` (the last one that was), `2026-11-24 03:00`.',
    example: '2026-11-24T03:00:00Z',
  }),
});

export const logsQuery = z.strictObject({
  follow: z.enum(['true', 'false']).default('false'),
  attempt: z.coerce.number().int().min(1).max(1_000_000).optional(),
  after: z.coerce.number().int().min(0).optional(),
});

/** `a=b`, `c=d,e=f` → one mapping. */
export function labelFilter(labels: readonly string[]): Record<string, string> {
  const pairs = labels.flatMap(given => given.split(',')).map(pair => pair.split('='));
  return Object.fromEntries(pairs.map(([key = '', value = '']) => [key, value]));
}

/** Leaves out what was not given, as ports want it. */
export function given<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
