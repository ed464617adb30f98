import { isDate } from '../../../domain/calendar/spec.ts';
import { CronmeshError } from '../../../domain/errors.ts';
import { preview } from '../../../domain/job/preview.ts';
import { parseInstant } from '../../../domain/schedule/instants.ts';
import type { Instant } from '../../../domain/time.ts';

/** Says for which time an iCalendar file was expanded: beyond it the calendar holds nothing. */
const annotation = 'cronmesh.io/icalendar-window';
const day = 86_400_000;
const widest = 50 * 366 * day;

/** What of a file is wanted, as it was given: dates, or instants as RFC 3339. */
export interface ImportWindow {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** For dates, and times without a zone. */
  readonly timeZone?: string | undefined;
}

/**
 * The time that is imported: by default from a year ago to five years ahead.
 *
 * @throws CronmeshError InvalidInput
 */
export function windowOf({ from, to }: ImportWindow, now: Instant): { readonly from: Instant; readonly to: Instant } {
  const today = Math.floor(now / day) * day;
  const window = {
    from: read('from', from) ?? years(today, -1),
    to: read('to', to) ?? years(today, 5),
  };
  if (window.to <= window.from)
    throw wrong('to', to ?? dateOf(window.to), `must be after from (${dateOf(window.from)})`);
  if (window.to - window.from > widest)
    throw wrong('to', to ?? dateOf(window.to), 'must be at most 50 years after from');
  return window;
}

export function windowAnnotation({
  from,
  to,
}: {
  readonly from: Instant;
  readonly to: Instant;
}): Record<string, string> {
  return { [annotation]: `${dateOf(from)}/${dateOf(to)}` };
}

function read(field: string, text: string | undefined): Instant | undefined {
  if (text === undefined) return undefined;
  const instant = isDate(text) ? Date.parse(text) : parseInstant(text);
  if (instant !== undefined) return instant;
  throw wrong(field, text, 'must be a date (2026-12-25) or an instant as RFC 3339');
}

function years(from: Instant, count: number): Instant {
  const date = new Date(from);
  return date.setUTCFullYear(date.getUTCFullYear() + count);
}

const dateOf = (instant: Instant): string => {
  const text = new Date(instant).toISOString();
  return instant % day === 0 ? text.slice(0, 10) : text.replace('.000Z', 'Z');
};

function wrong(field: string, value: string, message: string): CronmeshError {
  return new CronmeshError('InvalidInput', `query parameter ${field} ${message}`, {
    problems: [{ field, value: preview(value), message }],
  });
}
