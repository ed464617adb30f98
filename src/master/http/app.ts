import { OpenAPIHono } from '@hono/zod-openapi';
import { CronmeshError } from '../../domain/errors.ts';
import { authorize } from './authorize.ts';
import type { AppDependencies } from './dependencies.ts';
import type { AppEnv } from './environment.ts';
import { identify, knownHosts, sameOrigin, secureHeaders } from './guards.ts';
import { allowedMethods } from './methods.ts';
import { invalidParameters } from './parameters.ts';
import { problemResponse } from './problem.ts';
import { backfillRoutes } from './routes/backfills.ts';
import { brakeRoutes } from './routes/brakes.ts';
import { calendarRoutes } from './routes/calendars.ts';
import { callbackRoutes } from './routes/callbacks.ts';

import { clusterRoutes } from './routes/cluster.ts';
import { jobListRoutes } from './routes/job-lists.ts';
import { jobRoutes } from './routes/jobs.ts';
import { notificationRoutes } from './routes/notifications.ts';
import { operationRoutes } from './routes/operations.ts';
import { pageRoutes } from './routes/pages.ts';
import { runRoutes } from './routes/runs.ts';
import { whyRoutes } from './routes/why.ts';

/**
 * Everything that a master serves over HTTP: the REST API, its document, the page, health and metrics. Give its
 * `fetch` to a server.
 *
 * @example createAdaptorServer({ fetch: createApp(dependencies).fetch }).listen(8080)
 */
export function createApp(deps: AppDependencies): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>({
    defaultHook: (result, context) => {
      if (!result.success) throw invalidParameters(app, context, result);
    },
  });
  app.onError(problemResponse);
  app.notFound(context => {
    const route = `${context.req.method} ${context.req.path.slice(0, 200)}`;
    const allowed = allowedMethods(app.routes, context.req.path);
    if (allowed.length > 0) {
      context.header('Allow', allowed.join(', '));
      const message = `there is no ${route}: ${allowed.join(', ')} is what it takes`;
      return problemResponse(new CronmeshError('MethodNotAllowed', message), context);
    }
    return problemResponse(new CronmeshError('NotFound', `there is no route ${route}; /docs lists them`), context);
  });

  app.use(identify(deps.logger), secureHeaders);
  if (deps.hosts !== undefined) app.use(knownHosts(deps.hosts));
  app.use(sameOrigin);
  if (deps.access !== undefined) {
    app.use('/api/*', authorize(deps.access, deps));
    if (deps.access.metrics) app.use('/metrics', authorize(deps.access, deps));
  }
  app.use('/api/*', async (context, next) => {
    await next();
    if (!context.res.headers.has('Cache-Control')) context.res.headers.set('Cache-Control', 'no-store');
  });

  app.route('/', operationRoutes(deps));
  app.route('/', jobListRoutes(deps));
  app.route('/', jobRoutes(deps));
  app.route('/', calendarRoutes(deps));
  app.route('/', runRoutes(deps));
  app.route('/', backfillRoutes(deps));
  app.route('/', whyRoutes(deps));
  app.route('/', callbackRoutes(deps));
  app.route('/', notificationRoutes(deps));
  app.route('/', clusterRoutes(deps));
  app.route('/', brakeRoutes(deps));
  app.route('/', pageRoutes(deps.pageOverlay));
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description: 'A token of the masters’ `auth.tokens`. Not needed where there are none.',
  });
  app.doc31('/openapi.json', {
    security: [{ token: [] }, {}],
    openapi: '3.1.0',
    info: {
      title: 'Cronmesh',
      version: 'v1',
      description: 'Lists page by `cursor`. Errors are problem+json (RFC 9457) with a stable `code`.',
    },
  });
  return app;
}
