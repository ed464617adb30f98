import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { metricsPage } from '../../../observability/metrics-page.ts';
import type { AppDependencies } from '../dependencies.ts';
import type { AppEnv } from '../environment.ts';
import { readinessSchema } from '../schemas.ts';
import { answer } from './document.ts';

const text = (description: string) => ({ description, content: { 'text/plain': { schema: z.string() } } });

const routes = {
  healthz: createRoute({
    method: 'get',
    path: '/healthz',
    tags: ['operations'],
    summary: 'Whether the process lives',
    responses: { 200: text('It does.') },
  }),
  readyz: createRoute({
    method: 'get',
    path: '/readyz',
    tags: ['operations'],
    summary: 'Whether the process can do its work',
    responses: {
      200: answer(readinessSchema, 'It can.'),
      503: answer(readinessSchema, 'It cannot, for these reasons.'),
    },
  }),
  metrics: createRoute({
    method: 'get',
    path: '/metrics',
    tags: ['operations'],
    summary: 'Metrics in Prometheus’ text format, or in OpenMetrics’ where Accept names it',
    responses: { 200: text('The metrics.') },
  }),
};

/** What orchestrators and monitors ask. */
export function operationRoutes(deps: Pick<AppDependencies, 'readiness' | 'registry'>): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>();
  app.openapi(routes.healthz, context => context.text('ok\n', 200));
  app.openapi(routes.readyz, context => {
    const { ready, reasons } = deps.readiness();
    return context.json({ ready, reasons: [...reasons] }, ready ? 200 : 503);
  });
  app.openapi(routes.metrics, async context => {
    const { text: page, contentType } = await metricsPage(deps.registry, context.req.header('Accept'));
    return context.text(page, 200, { 'Content-Type': contentType });
  });
  return app;
}
