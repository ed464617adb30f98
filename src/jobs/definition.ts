import type { z } from 'zod';
import { moduleNamePattern, moduleNameRule } from '../domain/job/module-name.ts';

/** Any schema of zod 4. */
export type AnySchema = z.core.$ZodType;
/** What a schema makes of an input. */
export type Output<Schema extends AnySchema> = z.core.output<Schema>;

export type Kind = 'job' | 'executor';

/** A job or an executor that a module defines; what its `run` is called with is known to the one who calls it. */
export interface Definition {
  readonly kind: Kind;
  readonly name: string;
  readonly description?: string | undefined;
  /** Of the input, or the settings. */
  readonly schema?: AnySchema | undefined;
  readonly run: (context: never) => unknown;
}

// Found by name, so that it does not matter which copy of this package made it.
const mark = Symbol.for('cronmesh.definition');

/** @throws TypeError for a name, a description or a `run` that cannot be used */
export function define(definition: Definition): Definition {
  const { kind, name, description, run } = definition;
  const what = `define${kind === 'job' ? 'Job' : 'Executor'}`;
  if (typeof name !== 'string') throw new TypeError(`${what}: name must be a string, got ${typeof name}`);
  if (name.length > 63) throw new TypeError(`${what}: name ${JSON.stringify(name)} must have at most 63 characters`);
  if (!moduleNamePattern.test(name)) throw new TypeError(`${what}: name ${JSON.stringify(name)} ${moduleNameRule}`);
  if (description !== undefined && typeof description !== 'string') {
    throw new TypeError(`${what}: description of ${name} must be a string, got ${typeof description}`);
  }
  if (typeof run !== 'function') throw new TypeError(`${what}: run of ${name} must be a function, got ${typeof run}`);
  return Object.freeze({ ...definition, [mark]: true });
}

const isDefinition = (value: unknown): value is Definition =>
  typeof value === 'object' && value !== null && mark in value;

/** A module's export as a definition; undefined when it is something else. */
export function definitionOf(value: unknown): Definition | undefined {
  return isDefinition(value) ? value : undefined;
}
