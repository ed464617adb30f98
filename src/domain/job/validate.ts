import { CronmeshError, type ErrorCode, type FieldProblem } from '../errors.ts';
import { parseSchedule, ScheduleError } from '../schedule/index.ts';
import { parseInstant } from '../schedule/instants.ts';
import { extentProblem } from './extent.ts';
import { formatPath, valueAt } from './path.ts';
import { preview } from './preview.ts';
import { problemsOf } from './problems.ts';
import { type Manifest, manifest as schema } from './spec.ts';

/**
 * The most bytes that a job may take as JSON. Consul allows 512 KiB for a transaction's request, in which values
 * travel as base64 (four bytes for three), and the job shares it with its feed entry.
 */
export const maxJobBytes = 360 * 1024;

/** A manifest that was found right: its namespace and every default are filled in. */
export type ValidManifest = Omit<Manifest, 'metadata'> & {
  readonly metadata: Manifest['metadata'] & { readonly namespace: string };
};

export interface ValidateOptions {
  /** Used where the manifest names none. Default `default`. */
  readonly defaultNamespace?: string;
  /** Used where neither the manifest nor its schedule names a zone. Without it, UTC. */
  readonly defaultTimeZone?: string;
  /** The name and namespace that the manifest must have, for an address that already says them. */
  readonly expect?: { readonly namespace?: string; readonly name?: string };
}

/**
 * Checks a manifest as users write it, and fills in the defaults.
 *
 * @example validateManifest({ metadata: { name: 'a' }, spec: { schedule: '@daily', executor: { shell: { command: 'date' } } } })
 * @throws CronmeshError InvalidInput with a problem for each field that is wrong
 */
export function validateManifest(written: unknown, options: ValidateOptions = {}): ValidManifest {
  refuseExtent(written);
  const input = fillPlace(written, options.expect ?? {});
  const parsed = schema.safeParse(input);
  const problems: FieldProblem[] = [
    ...(parsed.success ? [] : problemsOf(parsed.error, input, schema)),
    ...reservedNames(input),
    ...placeProblems(input, options.expect ?? {}),
    ...scheduleProblems(input),
  ];
  if (!parsed.success || problems.length > 0) throw invalidManifest(problems);
  const { metadata, spec } = parsed.data;
  const namespace = metadata.namespace ?? options.defaultNamespace ?? 'default';
  const timeZone = spec.timeZone ?? (/^(CRON_)?TZ=/.test(spec.schedule.trim()) ? undefined : options.defaultTimeZone);
  const valid = {
    ...parsed.data,
    metadata: { ...metadata, namespace },
    spec: timeZone === undefined ? spec : { ...spec, timeZone },
  };
  const late = [...textProblems(valid), ...sizeProblems(valid)];
  if (late.length > 0) throw invalidManifest(late);
  return valid;
}

/** What is too deep or too large is looked at no further. @throws CronmeshError InvalidInput */
export function refuseExtent(written: unknown): void {
  const message = extentProblem(written);
  if (message !== undefined) throw invalidManifest([{ field: '(document)', message }]);
}

/** A body can be wrong in a hundred thousand places; nobody reads more than the first. */
const maxProblems = 100;

/** The error for problems that were found in a manifest: its message is the first of them, and it has 100 at most. */
export function invalidManifest(problems: readonly FieldProblem[], code: ErrorCode = 'InvalidInput'): CronmeshError {
  const [first] = problems;
  const more = problems.length - 1;
  const rest = more === 0 ? '' : ` (and ${more} more)`;
  return new CronmeshError(code, `${first?.field} ${first?.message}${rest}`, {
    problems: problems.slice(0, maxProblems),
  });
}

type Place = NonNullable<ValidateOptions['expect']>;

/** What the address says need not be said again. */
export function fillPlace(input: unknown, expect: Place): unknown {
  const metadata = valueAt(input, ['metadata']) ?? {};
  if (!isMapping(input) || !isMapping(metadata) || Object.keys(expect).length === 0) return input;
  return { ...input, metadata: { ...expect, ...metadata } };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Where the manifest says it too, both must agree. */
export function placeProblems(input: unknown, expect: Place): readonly FieldProblem[] {
  return (['namespace', 'name'] as const).flatMap(part => {
    const wanted = expect[part];
    const given = valueAt(input, ['metadata', part]);
    if (wanted === undefined || given === undefined || given === wanted) return [];
    const message = `must be ${JSON.stringify(wanted)}, as in the address, or be left out`;
    return [{ field: `metadata.${part}`, value: preview(given), message }];
  });
}

/** The schedule engine decides; it is asked as soon as there are strings, whatever else is wrong. */
function scheduleProblems(input: unknown): readonly FieldProblem[] {
  const schedule = valueAt(input, ['spec', 'schedule']);
  const timeZone = valueAt(input, ['spec', 'timeZone']);
  return [
    ...(typeof schedule === 'string' && schedule !== '' && schedule.length <= 1_024
      ? engineProblems('spec.schedule', schedule, () => parseSchedule(schedule))
      : []),
    ...(typeof timeZone === 'string' && timeZone !== ''
      ? engineProblems('spec.timeZone', timeZone, () => parseSchedule('@manually', { timeZone }))
      : []),
    ...(['startAt', 'endAt'] as const).flatMap(name => noSuchTime(name, valueAt(input, ['spec', name]))),
  ];
}

/** 30 February looks like a date. */
function noSuchTime(name: string, value: unknown): readonly FieldProblem[] {
  if (typeof value !== 'string' || !/^[-\d]+T[\d:.]+(Z|[-+]\d\d:\d\d)$/.test(value)) return [];
  if (parseInstant(value) !== undefined) return [];
  return [{ field: `spec.${name}`, value: preview(value), message: 'must be a date and a time that there are' }];
}

export function engineProblems(field: string, value: string, parse: () => void): readonly FieldProblem[] {
  try {
    parse();
    return [];
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error;
    const reason = error.problems[0]?.message ?? error.message;
    // The engine's own field (`minute`) says where in the schedule; the others would only say the same again.
    const inside = error.field !== 'expression' && error.field !== 'timeZone';
    return [{ field, value: preview(value), message: inside ? `${error.field}: ${reason}` : reason }];
  }
}

const namedByUsers = [
  ['metadata', 'labels'],
  ['metadata', 'annotations'],
  ['spec', 'placement', 'selector', 'matchLabels'],
  ['spec', 'executor', 'shell', 'env'],
  ['spec', 'executor', 'http', 'headers'],
  ['spec', 'executor', 'module', 'input'],
  ['spec', 'executor', 'custom', 'with'],
];

/** JavaScript keeps one name for itself, and would drop it in silence. */
function reservedNames(input: unknown): readonly FieldProblem[] {
  return namedByUsers.flatMap(path => {
    const value = valueAt(input, [...path, '__proto__']);
    if (value === undefined) return [];
    return [{ field: formatPath([...path, '__proto__']), value: preview(value), message: 'cannot be used as a name' }];
  });
}

/** Neither a database nor a process's environment can hold a NUL, nor half of a surrogate pair. */
export function textProblems(value: unknown, path: readonly PropertyKey[] = []): readonly FieldProblem[] {
  if (typeof value === 'string') {
    if (value.isWellFormed() && !value.includes('\0')) return [];
    return [
      { field: formatPath(path), value: preview(value), message: 'must be text without NUL or broken characters' },
    ];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => {
    const here = [...path, Array.isArray(value) ? Number(key) : key];
    const named = textProblems(key, here);
    return named.length > 0 ? named : textProblems(part, here);
  });
}

function sizeProblems(manifest: ValidManifest): readonly FieldProblem[] {
  const bytes = byteLength(JSON.stringify(manifest));
  if (bytes <= maxJobBytes) return [];
  const message = `is too large: ${bytes} bytes as JSON, and at most ${maxJobBytes} fit into Consul; keep large scripts in a file or an image`;
  return [{ field: 'spec', message }];
}

const byteLength = (text: string): number => new TextEncoder().encode(text).length;
