import { z } from 'zod';
import { parseInstant } from '../../schedule/instants.ts';
import { jobName } from './names.ts';

/** What narrows a schedule down: calendars, and a first and last instant. */

/** Most calendars that a job excludes, and most that it requires. */
export const maxCalendars = 20;

export const jobCalendars = z
  .strictObject({
    exclude: z
      .array(jobName)
      .max(maxCalendars)
      .default([])
      .describe('Calendars of the job’s namespace: a time that any of them holds is no tick.'),
    require: z
      .array(jobName)
      .max(maxCalendars)
      .default([])
      .describe('Calendars of the job’s namespace: only a time that at least one of them holds is a tick.'),
  })
  .refine(({ exclude, require }) => !exclude.some(name => require.includes(name)), {
    message: 'must not name a calendar in both exclude and require',
  });

export const instantText = z
  .string()
  .max(40)
  .regex(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[-+]\d\d:\d\d)$/,
    'must be an instant as RFC 3339, such as 2026-12-01T00:00:00Z',
  );

/** What is left out, or no instant (which is said elsewhere), is not compared. */
export function isAfter(end: string | undefined, start: string | undefined): boolean {
  const [to, from] = [parseInstant(end ?? ''), parseInstant(start ?? '')];
  return to === undefined || from === undefined || to > from;
}
