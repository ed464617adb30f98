import { z } from 'zod';
import { jobName, labels, namespaceName } from '../job/spec/names.ts';
import { daysInMonth } from '../schedule/calendar.ts';
import { parseInstant } from '../schedule/instants.ts';

/**
 * A calendar as users write it: which times it holds. Jobs exclude or require it. The zod schema is the one source of
 * the types and of the OpenAPI document. Whether the zone exists is decided by the schedule engine, in validate.ts.
 */

/** The most bytes that a calendar may take as JSON. */
export const maxCalendarBytes = 64 * 1024;

const dateText = /^(\d{4})-(\d\d)-(\d\d)$/;

/** Years of dates and instants: before there are no ticks, and later zone tables repeat themselves. */
export const firstYear = 1970;
export const lastYear = 2499;

/** Named as jobs are. */
export const calendarName = jobName;

export function isDate(text: string): boolean {
  const [, year, month, day] = (dateText.exec(text) ?? []).map(Number);
  if (year === undefined || month === undefined || day === undefined) return false;
  return (
    year >= firstYear && year <= lastYear && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)
  );
}

function isInstant(text: string): boolean {
  const instant = parseInstant(text);
  return instant !== undefined && instant >= Date.UTC(firstYear, 0, 1) && instant < Date.UTC(lastYear + 1, 0, 1);
}

const date = z.string().refine(isDate, `must be a date of the years ${firstYear} to ${lastYear}, such as 2026-12-25`);
const edge = z
  .string()
  .refine(
    text => isDate(text) || isInstant(text),
    `must be a date (2026-12-25) or an instant as RFC 3339 (2026-12-25T08:00:00+01:00) of the years ${firstYear} to ${lastYear}`,
  );
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day from 00:00 to 23:59');

export const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;

export const calendarRange = z
  .strictObject({
    from: edge.describe('A date, from its beginning on; or an instant, itself included.'),
    to: edge.describe('A date, to its end; or an instant, itself not included any more.'),
  })
  .refine(
    ({ from, to }) =>
      !(isDate(from) || isInstant(from)) || !(isDate(to) || isInstant(to)) || isDate(from) === isDate(to),
    {
      message: 'must have two dates or two instants, not one of each',
    },
  )
  .refine(
    ({ from, to }) =>
      isDate(from) !== isDate(to) || (isDate(from) ? from <= to : (parseInstant(from) ?? 0) < (parseInstant(to) ?? 1)),
    {
      path: ['to'],
      message: 'must be after from (the same date is one day)',
    },
  );

export const weeklyWindow = z
  .strictObject({
    days: z.array(z.enum(weekdays)).min(1).max(7).describe('The days on which the window begins.'),
    from: timeOfDay.describe('When it begins; without from and to it is the whole day.').optional(),
    to: timeOfDay.describe('When it ends, not included; at or before from, it ends on the next day.').optional(),
  })
  .refine(({ from, to }) => (from === undefined) === (to === undefined), {
    message: 'must have both from and to, or neither',
  });

export const calendarSpec = z
  .strictObject({
    timeZone: z
      .string()
      .min(1)
      .default('UTC')
      .describe('The IANA time zone whose wall clock dates and weekly windows are read on.'),
    dates: z.array(date).max(5_000).default([]).describe('Whole days.'),
    ranges: z.array(calendarRange).max(2_000).default([]).describe('Stretches of days, or of time.'),
    weekly: z.array(weeklyWindow).max(100).default([]).describe('Windows that come again each week.'),
  })
  .refine(({ dates, ranges, weekly }) => dates.length + ranges.length + weekly.length > 0, {
    message: 'must have at least one of dates, ranges and weekly',
  });

export const calendarManifest = z.strictObject({
  apiVersion: z.literal('cronmesh.io/v1alpha1').default('cronmesh.io/v1alpha1'),
  kind: z.literal('Calendar').default('Calendar'),
  metadata: z.strictObject({
    name: calendarName,
    namespace: namespaceName.optional(),
    labels: labels.default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: calendarSpec,
});

/** A spec as it is stored: every default filled in. */
export type CalendarSpec = z.output<typeof calendarSpec>;
export type CalendarManifest = z.output<typeof calendarManifest>;
export type WeeklyWindow = z.output<typeof weeklyWindow>;
export type CalendarRange = z.output<typeof calendarRange>;
