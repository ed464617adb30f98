import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import type { AppDependencies } from '../dependencies.ts';
import type { AppEnv } from '../environment.ts';
import { whyAnswer } from '../outgoing.ts';
import { whyQuery } from '../query.ts';
import { whySchema } from '../schemas.ts';
import { answer, jobParams, problems } from './document.ts';
import { jobRef } from './refs.ts';

const route = createRoute({
  method: 'get',
  path: '/api/v1/namespaces/{namespace}/jobs/{name}/why',
  tags: ['runs'],
  summary: 'Why a job did, or did not, run at a time: one line, and what it rests on',
  request: { params: jobParams, query: whyQuery },
  responses: {
    200: answer(whySchema, 'What became of the tick at that time, or of the nearest before it.'),
    ...problems,
  },
});

/** What became of a tick. */
export function whyRoutes({ why }: Pick<AppDependencies, 'why'>): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>();
  app.openapi(route, async context => {
    const ref = jobRef(context.req.valid('param'));
    return context.json(whyAnswer(ref, await why.explain(ref, context.req.valid('query').at)), 200);
  });
  return app;
}
