import type { ExecutorContext, JobContext, Result } from './context.ts';
import { type AnySchema, type Definition, define, type Output } from './definition.ts';

export type { ExecutorContext, JobContext, Log, Result, RunContext } from './context.ts';
export type { AnySchema, Definition } from './definition.ts';

/**
 * What modules for Cronmesh's workers import, as `cronmesh/jobs`: docs/extending.md tells all of it.
 */

export interface JobDefinition<Schema extends AnySchema> {
  /** What `executor.module.name` of jobs says: up to 63 letters, digits, '-', '_' and '.'. */
  readonly name: string;
  /** One sentence for people. */
  readonly description?: string;
  /** A schema of zod 4 for `executor.module.input`. Without one any input is given as it is. */
  readonly input?: Schema;
  /** Called once for each attempt, in a process of its own. What it throws is the reason why the attempt failed. */
  run(context: JobContext<Output<Schema>>): Result | Promise<Result>;
}

/**
 * A job in JavaScript. Export what it gives.
 *
 * @throws TypeError for a name or a `run` that cannot be used
 * @example
 * export const greet = defineJob({
 *   name: 'greet',
 *   input: z.object({ whom: z.string() }),
 *   async run({ input, log, progress }) {
 *     log.info(`hello, ${input.whom}`);
 *     progress(100, 'said it');
 *     return 'greeted';
 *   },
 * });
 */
export function defineJob<Schema extends AnySchema = AnySchema>(definition: JobDefinition<Schema>): Definition {
  const { name, description, input, run } = definition;
  return define({ kind: 'job', name, description, schema: input, run });
}

export interface ExecutorDefinition<Schema extends AnySchema> {
  /** What `executor.custom.name` of jobs says: up to 63 letters, digits, '-', '_' and '.'. */
  readonly name: string;
  /** One sentence for people. */
  readonly description?: string;
  /** A schema of zod 4 for `executor.custom.with`. */
  readonly config: Schema;
  /** Called once for each attempt, in a process of its own. What it throws is the reason why the attempt failed. */
  run(context: ExecutorContext<Output<Schema>>): Result | Promise<Result>;
}

/**
 * A kind of jobs: what all of them do is here, what differs is in the `with` of each. Export what it gives.
 *
 * @throws TypeError for a name or a `run` that cannot be used
 */
export function defineExecutor<Schema extends AnySchema>(definition: ExecutorDefinition<Schema>): Definition {
  const { name, description, config, run } = definition;
  return define({ kind: 'executor', name, description, schema: config, run });
}
