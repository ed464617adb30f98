import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { parseBackfillRequest } from '../../../domain/run/backfill-request.ts';
import { askedBy, listScope } from '../access.ts';
import { readBody } from '../body.ts';
import type { AppDependencies } from '../dependencies.ts';
import type { AppEnv } from '../environment.ts';
import { backfillAnswer } from '../outgoing.ts';
import { allBackfillsQuery, given, jobBackfillsQuery, noQuery } from '../query.ts';
import { backfillRequestSchema, backfillSchema, pageOf } from '../schemas.ts';
import { answer, backfillParams, body, jobParams, manifestTypes, problems } from './document.ts';
import { backfillRef, jobRef } from './refs.ts';

const ofJob = '/api/v1/namespaces/{namespace}/jobs/{name}/backfills';
const page = pageOf(backfillSchema, 'BackfillPage');

const routes = {
  create: createRoute({
    method: 'post',
    path: ofJob,
    tags: ['backfills'],
    summary: 'Asks for runs of a job for the ticks of a past range, a few at a time',
    request: { params: jobParams, query: noQuery, body: body('BackfillRequest', manifestTypes) },
    responses: { 201: answer(backfillSchema, 'The backfill, Running.'), ...problems },
  }),
  listOfJob: createRoute({
    method: 'get',
    path: ofJob,
    tags: ['backfills'],
    summary: 'Backfills of a job, newest first',
    request: { params: jobParams, query: jobBackfillsQuery },
    responses: { 200: answer(page, 'A page of backfills.'), ...problems },
  }),
  list: createRoute({
    method: 'get',
    path: '/api/v1/backfills',
    tags: ['backfills'],
    summary: 'Backfills of all jobs, newest first',
    request: { query: allBackfillsQuery },
    responses: { 200: answer(page, 'A page of backfills.'), ...problems },
  }),
  get: createRoute({
    method: 'get',
    path: '/api/v1/backfills/{id}',
    tags: ['backfills'],
    summary: 'A backfill and how far it came',
    request: { params: backfillParams, query: noQuery },
    responses: { 200: answer(backfillSchema, 'The backfill.'), ...problems },
  }),
  cancel: createRoute({
    method: 'delete',
    path: '/api/v1/backfills/{id}',
    tags: ['backfills'],
    summary: 'Cancels a backfill: what runs goes on, what waits is skipped, no further run is made',
    request: { params: backfillParams, query: noQuery },
    responses: { 202: answer(backfillSchema, 'The backfill, Cancelled.'), ...problems },
  }),
};

/** Backfills: asked for, listed, cancelled. */
export function backfillRoutes(deps: Pick<AppDependencies, 'jobs' | 'backfills' | 'clock'>): OpenAPIHono<AppEnv> {
  const { jobs, backfills, clock } = deps;
  const app = new OpenAPIHono<AppEnv>();
  app.openAPIRegistry.register('BackfillRequest', backfillRequestSchema);

  app.openapi(routes.create, async context => {
    const ref = jobRef(context.req.valid('param'));
    const request = parseBackfillRequest(await readBody(context.req), clock());
    const backfill = await backfills.create(await jobs.get(ref), request, askedBy(context.get('caller')));
    context.header('Location', `/api/v1/backfills/${backfill.id}`);
    return context.json(backfillAnswer(backfill), 201);
  });

  app.openapi(routes.listOfJob, async context => {
    const { namespace, name } = await jobs.get(jobRef(context.req.valid('param')));
    const { limit, ...rest } = context.req.valid('query');
    const { items, ...more } = await backfills.list({ namespace, name, limit, ...given(rest) });
    return context.json({ items: items.map(backfillAnswer), ...more }, 200);
  });

  app.openapi(routes.list, async context => {
    const { limit, job, namespace, ...rest } = context.req.valid('query');
    const scope = listScope(context.get('caller'), namespace);
    const { items, ...more } = await backfills.list({ limit, ...scope, ...given({ ...rest, name: job }) });
    return context.json({ items: items.map(backfillAnswer), ...more }, 200);
  });

  app.openapi(routes.get, async context => {
    return context.json(backfillAnswer(await backfills.get(backfillRef(context.req.valid('param').id))), 200);
  });

  app.openapi(routes.cancel, async context => {
    return context.json(
      backfillAnswer(
        await backfills.cancel(backfillRef(context.req.valid('param').id), askedBy(context.get('caller'))),
      ),
      202,
    );
  });
  return app;
}
