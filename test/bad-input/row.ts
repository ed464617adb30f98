import type { FieldProblem } from '../../src/domain/errors.ts';
import { jobSpec } from '../../src/domain/job/spec.ts';

/**
 * A manifest that is wrong, and what its author is told: each problem as `field = value: message`, or `field: message`
 * where there is no value.
 */
export type Row = readonly [what: string, manifest: unknown, says: readonly string[]];

type Fields = Record<string, unknown>;

/** A right manifest, with the given fields of its spec and metadata put in. */
export function job(spec: Fields = {}, metadata: Fields = {}): Fields {
  return {
    metadata: { name: 'a', ...metadata },
    spec: { schedule: '@daily', executor: { shell: { command: 'date' } }, ...spec },
  };
}

/** What a misspelled field of the spec is told about the right ones. */
export const specFields = `Allowed here: ${Object.keys(jobSpec.shape).join(', ')}`;

/** Problems as rows show them. */
export const lines = (problems: readonly FieldProblem[]): string[] =>
  problems.map(({ field, value, message }) => `${field}${value === undefined ? '' : ` = ${value}`}: ${message}`);
