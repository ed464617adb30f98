import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { routePath } from 'hono/route';
import { z } from 'zod';
import { CronmeshError } from '../../domain/errors.ts';
import { problemsOf } from '../../domain/job/problems.ts';
import type { AppEnv } from './environment.ts';

/** What the framework's validation of a path, a query or headers found. */
interface Failure {
  readonly target: string;
  readonly error: z.core.$ZodError;
  /** What was given. */
  readonly data?: unknown;
}

/** Turns it into problems that name the parameter, its value and what is allowed; an unknown one is told the known. */
export function invalidParameters(app: OpenAPIHono<AppEnv>, context: Context<AppEnv>, failure: Failure): CronmeshError {
  const method = context.req.method.toLowerCase();
  const path = routePath(context).replaceAll(/:(\w+)/g, '{$1}');
  const definition = app.openAPIRegistry.definitions.find(
    one => one.type === 'route' && one.route.method === method && one.route.path === path,
  );
  const query =
    definition?.type === 'route' && failure.target === 'query' ? definition.route.request?.query : undefined;
  const schema = query instanceof z.ZodType ? query : z.unknown();
  const problems = problemsOf(failure.error, failure.data, schema);
  const [first] = problems;
  return new CronmeshError('InvalidInput', `${failure.target} parameter ${first?.field} ${first?.message}`, {
    problems,
  });
}
