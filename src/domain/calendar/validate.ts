import type { FieldProblem } from '../errors.ts';
import { valueAt } from '../job/path.ts';
import { problemsOf } from '../job/problems.ts';
import {
  engineProblems,
  fillPlace,
  invalidManifest,
  placeProblems,
  refuseExtent,
  textProblems,
  type ValidateOptions,
} from '../job/validate.ts';
import { parseSchedule } from '../schedule/parse.ts';
import { type CalendarManifest, maxCalendarBytes, calendarManifest as schema } from './spec.ts';

/** A manifest that was found right: its namespace and every default are filled in. */
export type ValidCalendar = Omit<CalendarManifest, 'metadata'> & {
  readonly metadata: CalendarManifest['metadata'] & { readonly namespace: string };
};

/**
 * Checks a calendar's manifest as users write it, and fills in the defaults.
 *
 * @example validateCalendar({ metadata: { name: 'holidays' }, spec: { dates: ['2026-12-25'] } })
 * @throws CronmeshError InvalidInput with a problem for each field that is wrong
 */
export function validateCalendar(
  written: unknown,
  options: Pick<ValidateOptions, 'defaultNamespace' | 'expect'> = {},
): ValidCalendar {
  refuseExtent(written);
  const input = fillPlace(written, options.expect ?? {});
  const parsed = schema.safeParse(input);
  const timeZone = valueAt(input, ['spec', 'timeZone']);
  const problems: FieldProblem[] = [
    ...(parsed.success ? [] : problemsOf(parsed.error, input, schema)),
    ...placeProblems(input, options.expect ?? {}),
    ...(typeof timeZone === 'string' && timeZone !== ''
      ? engineProblems('spec.timeZone', timeZone, () => parseSchedule('@manually', { timeZone }))
      : []),
  ];
  if (!parsed.success || problems.length > 0) throw invalidManifest(problems);
  const { metadata } = parsed.data;
  const namespace = metadata.namespace ?? options.defaultNamespace ?? 'default';
  const valid = { ...parsed.data, metadata: { ...metadata, namespace } };
  const late = [...textProblems(valid), ...sizeProblems(valid)];
  if (late.length > 0) throw invalidManifest(late);
  return valid;
}

function sizeProblems(manifest: ValidCalendar): readonly FieldProblem[] {
  const bytes = new TextEncoder().encode(JSON.stringify(manifest)).length;
  if (bytes <= maxCalendarBytes) return [];
  const message = `is too large: ${bytes} bytes as JSON, and at most ${maxCalendarBytes} are allowed, since it travels with each job that names it; make several calendars of it, or one of a shorter time`;
  return [{ field: 'spec', message }];
}
