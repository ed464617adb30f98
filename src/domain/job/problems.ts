import { z } from 'zod';
import type { FieldProblem } from '../errors.ts';
import { nearest } from './nearest.ts';
import { formatPath, valueAt } from './path.ts';
import { preview } from './preview.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** A body can hold a hundred thousand unknown fields; nobody reads more than the first. */
const maxUnknown = 50;

/**
 * Turns what a schema found into problems for people: the field as the user wrote it, the value, and what is allowed.
 * Messages written in the schema are kept; unions and records are followed down to the part that is wrong.
 */
export function problemsOf(error: z.core.$ZodError, input: unknown, schema: z.ZodType): readonly FieldProblem[] {
  return telling(error.issues).flatMap(issue => expand(issue, issue.path, input, schema));
}

/**
 * Without what says less about a field than another does: how long a text is where a list is wanted, or that a number
 * is beyond all whole numbers where it is beyond its own limit.
 */
function telling(issues: readonly Issue[]): readonly Issue[] {
  const at = (issue: Issue): string => formatPath(issue.path);
  const wrongType = new Set(issues.filter(({ code }) => code === 'invalid_type').map(at));
  const outOfRange = new Set(issues.filter(issue => isRange(issue) && issue.note === undefined).map(at));
  return issues.filter(
    issue => !(isRange(issue) && (wrongType.has(at(issue)) || (issue.note !== undefined && outOfRange.has(at(issue))))),
  );
}

type RangeIssue = (z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall) & { readonly note?: string };

const isRange = (issue: Issue): issue is RangeIssue => issue.code === 'too_big' || issue.code === 'too_small';

/** What was written for a path: of a list or mapping that was written as one text, as the environment does, the text. */
function writtenAt(input: unknown, path: Path): unknown {
  const text = path.map((_, i) => valueAt(input, path.slice(0, i))).find(value => typeof value === 'string');
  return text ?? valueAt(input, path);
}

function expand(issue: Issue, path: Path, input: unknown, schema: z.ZodType): readonly FieldProblem[] {
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys
        .slice(0, maxUnknown)
        .map(key => problem([...path, key], input, unknownField(key, allowedFields(schema, path))));
    case 'invalid_key':
      return issue.issues.map(inner => ({
        field: formatPath(path),
        value: preview(path.at(-1)),
        message: `the name ${describe(inner, path.at(-1))}`,
      }));
    case 'invalid_union':
      return expandUnion(issue, path, input, schema);
    default:
      return [problem(path, input, describe(issue, writtenAt(input, path)))];
  }
}

/** Of a union only the branch that the user meant is explained: the one whose type fits the value. */
function expandUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  path: Path,
  input: unknown,
  schema: z.ZodType,
): readonly FieldProblem[] {
  const meant = issue.errors.find(branch => !branch.some(inner => inner.code === 'invalid_type' && !inner.path.length));
  if (meant !== undefined)
    return telling(meant).flatMap(inner => expand(inner, [...path, ...inner.path], input, schema));
  const types = issue.errors.flatMap(branch =>
    branch.flatMap(inner => (inner.code === 'invalid_type' ? [typeName(inner.expected)] : [])),
  );
  const wanted = types.join(' or ');
  return [problem(path, input, valueAt(input, path) === undefined ? `is needed: ${wanted}` : `must be ${wanted}`)];
}

/** One sentence on what is allowed. */
function describe(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      if (value === undefined) return `is needed: ${typeName(issue.expected)}`;
      // YAML reads 1.0 and true as they look: the cure is a pair of quotes.
      if (issue.expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
        return `must be a string; put it in quotes: "${value}"`;
      }
      // .nan and .inf of YAML.
      if (typeof value === 'number' && !Number.isFinite(value)) return 'must be a finite number';
      return `must be ${typeName(issue.expected)}`;
    case 'invalid_value':
      return oneOf(issue.values, value);
    case 'too_small':
      if (issue.origin === 'number' || issue.origin === 'int') return `must be at least ${issue.minimum}`;
      return Number(issue.minimum) === 1
        ? 'must not be empty'
        : `must have at least ${issue.minimum} ${unit(issue.origin)}`;
    case 'too_big':
      if (issue.origin === 'number' || issue.origin === 'int') return `must be at most ${issue.maximum}`;
      return isOwnMessage(issue) ? issue.message : `must have at most ${issue.maximum} ${unit(issue.origin)}`;
    default:
      return issue.message;
  }
}

const isOwnMessage = (issue: Issue): boolean => issue.message.startsWith('must ');
const unit = (origin: string): string => (origin === 'string' ? 'characters' : 'items');

function oneOf(values: readonly z.core.util.Primitive[], value: unknown): string {
  const quoted = values.map(one => JSON.stringify(one));
  const allowed = quoted.length === 1 ? `${quoted[0]}` : `one of ${quoted.join(', ')}`;
  if (value === undefined) return `is needed: ${allowed}`;
  const near = typeof value === 'string' && values.length > 1 ? nearest(value, values.map(String)) : undefined;
  return `must be ${allowed}${near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`}`;
}

function unknownField(key: string, allowed: readonly string[]): string {
  if (allowed.length === 0) return 'is not a known field: none is allowed here';
  const near = nearest(key, allowed);
  const guess = near === undefined ? '.' : `; did you mean ${near}?`;
  return `is not a known field${guess} Allowed here: ${allowed.join(', ')}`;
}

function typeName(expected: string): string {
  const names: Record<string, string> = {
    string: 'a string',
    int: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a mapping',
    record: 'a mapping',
    nonoptional: 'a value',
  };
  return names[expected] ?? expected;
}

function problem(path: Path, input: unknown, message: string): FieldProblem {
  const value = valueAt(input, path);
  return { field: formatPath(path), ...(value === undefined ? {} : { value: preview(value) }), message };
}

/** The fields that the object at a path may have. */
function allowedFields(schema: z.ZodType, path: Path): readonly string[] {
  let here: unknown = unwrap(schema);
  for (const part of path) {
    if (here instanceof z.ZodObject) here = unwrap(here.shape[String(part)]);
    else if (here instanceof z.ZodRecord) here = unwrap(here.valueType);
    else if (here instanceof z.ZodArray) here = unwrap(here.element);
    else return [];
  }
  return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
}

function unwrap(schema: unknown): unknown {
  let here = schema;
  for (;;) {
    if (here instanceof z.ZodOptional || here instanceof z.ZodDefault || here instanceof z.ZodPrefault) {
      here = here.unwrap();
    } else if (here instanceof z.ZodPipe && here.in instanceof z.ZodTransform) here = here.out;
    else return here;
  }
}
