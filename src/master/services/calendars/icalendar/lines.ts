import { CronmeshError } from '../../../../domain/errors.ts';
import { preview } from '../../../../domain/job/preview.ts';

/** Where a component of a file begins. */
export interface Outline {
  /** The line of each VEVENT's BEGIN, in order, those directly in a VCALENDAR. */
  readonly events: readonly number[];
  /** Each property, unfolded, and its line. */
  readonly properties: readonly { readonly line: number; text: string }[];
}

/**
 * Looks over the lines of an iCalendar file before the library reads it, which names no lines: each is a property with
 * its value, and components begin and end as they should.
 *
 * @throws CronmeshError InvalidInput that names the line
 */
export function outline(text: string): Outline {
  const events: number[] = [];
  const properties: { line: number; text: string }[] = [];
  const open: { name: string; line: number }[] = [];
  let calendars = 0;
  for (const [i, content] of text.split(/\r\n|\n|\r/).entries()) {
    const line = i + 1;
    // A folded line goes on with the one before.
    const before = properties.at(-1);
    if (/^[ \t]/.test(content) && before !== undefined) before.text += content.slice(1);
    if (content === '' || /^[ \t]/.test(content)) continue;
    properties.push({ line, text: content });
    const [, name = '', value = ''] =
      /^(?:\uFEFF)?([A-Za-z0-9.-]+)(?:;[^:"]*(?:"[^"]*"[^:"]*)*)?:(.*)$/s.exec(content) ?? [];
    if (name === '') throw wrong(line, `is no property: ${preview(content.slice(0, 80))} (wanted NAME:value)`);
    const component = value.trim().toUpperCase();
    if (name.toUpperCase() === 'BEGIN') {
      if (open.length === 0 && component !== 'VCALENDAR') {
        throw wrong(line, `begins ${component}, and an iCalendar file begins with BEGIN:VCALENDAR`);
      }
      if (component === 'VCALENDAR') calendars++;
      if (component === 'VEVENT' && open.length === 1) events.push(line);
      open.push({ name: component, line });
    } else if (name.toUpperCase() === 'END') {
      const last = open.pop();
      if (last === undefined) throw wrong(line, `ends ${component}, which was not begun`);
      if (last.name !== component)
        throw wrong(line, `ends ${component}, and ${last.name} of line ${last.line} is open`);
    } else if (open.length === 0) {
      throw wrong(line, 'is outside of BEGIN:VCALENDAR and END:VCALENDAR: is this an iCalendar file?');
    }
  }
  const unended = open.at(-1);
  if (unended !== undefined)
    throw wrong(unended.line, `begins ${unended.name}, which does not end: is the file whole?`);
  if (calendars === 0) throw wrong(1, 'must be BEGIN:VCALENDAR: the file is empty');
  return { events, properties };
}

/** @example wrong(12, 'is no property') // icalendar: line 12 is no property */
export function wrong(line: number, what: string, cause?: unknown): CronmeshError {
  const field = `line ${line}`;
  return new CronmeshError('InvalidInput', `iCalendar ${field} ${what}`, {
    problems: [{ field, message: what }],
    cause,
  });
}
