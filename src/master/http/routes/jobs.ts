import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { type Job, jobKey } from '../../../domain/job/job.ts';
import { validateManifest } from '../../../domain/job/validate.ts';
import { isEligible } from '../../../domain/policy/eligibility.ts';
import { requireNamespace } from '../access.ts';
import { readBody } from '../body.ts';
import { entityTag, preconditionOf } from '../conditions.ts';
import type { AppDependencies } from '../dependencies.ts';
import type { AppEnv } from '../environment.ts';
import { incomingManifest } from '../incoming.ts';
import { chainLinksAnswer, type JobAnswer, jobAnswer } from '../outgoing.ts';
import { noQuery } from '../query.ts';
import { chainLinksSchema, jobSchema, manifestSchema } from '../schemas.ts';
import {
  answer,
  applyHeaders,
  body,
  jobParams,
  manifestTypes,
  matchHeaders,
  namespaceParams,
  patchTypes,
  problems,
  tagged,
} from './document.ts';
import { jobRef } from './refs.ts';

const collection = '/api/v1/namespaces/{namespace}/jobs';
const one = `${collection}/{name}`;
const manifestBody = body('Manifest', manifestTypes);

const routes = {
  create: createRoute({
    method: 'post',
    path: collection,
    tags: ['jobs'],
    summary: 'Creates a job',
    request: { params: namespaceParams, query: noQuery, body: manifestBody },
    responses: { 201: tagged(jobSchema, 'The job as it was created.'), ...problems },
  }),
  createAnywhere: createRoute({
    method: 'post',
    path: '/api/v1/jobs',
    tags: ['jobs'],
    summary: 'Creates a job in the namespace of its metadata, or in `default`',
    request: { query: noQuery, body: manifestBody },
    responses: { 201: tagged(jobSchema, 'The job as it was created.'), ...problems },
  }),
  get: createRoute({
    method: 'get',
    path: one,
    tags: ['jobs'],
    summary: 'A job, its next tick and its last run',
    request: { params: jobParams, query: noQuery },
    responses: { 200: tagged(jobSchema, 'The job.'), ...problems },
  }),
  chain: createRoute({
    method: 'get',
    path: `${one}/chain`,
    tags: ['jobs'],
    summary: 'What a job comes after, and what comes after it',
    request: { params: jobParams, query: noQuery },
    responses: { 200: answer(chainLinksSchema, 'The jobs of the same namespace, by name.'), ...problems },
  }),
  apply: createRoute({
    method: 'put',
    path: one,
    tags: ['jobs'],
    summary: 'Creates a job, or replaces it: then If-Match (or the revision in the manifest) is needed',
    request: { params: jobParams, query: noQuery, headers: applyHeaders, body: manifestBody },
    responses: {
      200: tagged(jobSchema, 'Replaced, or already so: unchanged content makes no new revision.'),
      201: tagged(jobSchema, 'Created.'),
      ...problems,
    },
  }),
  patch: createRoute({
    method: 'patch',
    path: one,
    tags: ['jobs'],
    summary: 'Changes what a JSON merge patch (RFC 7396) names; null sets a field back to its default',
    request: { params: jobParams, query: noQuery, headers: matchHeaders, body: body('Patch', patchTypes) },
    responses: { 200: tagged(jobSchema, 'The job as it is now.'), ...problems },
  }),
  delete: createRoute({
    method: 'delete',
    path: one,
    tags: ['jobs'],
    summary: 'Deletes a job; its history stays for its time, and what runs goes on',
    request: { params: jobParams, query: noQuery, headers: matchHeaders },
    responses: { 204: { description: 'Deleted.' }, ...problems },
  }),
  suspend: createRoute({
    method: 'post',
    path: `${one}/suspend`,
    tags: ['jobs'],
    summary: 'Stops a job from firing; what runs goes on',
    request: { params: jobParams, query: noQuery, headers: matchHeaders },
    responses: { 200: tagged(jobSchema, 'The job as it is now.'), ...problems },
  }),
  resume: createRoute({
    method: 'post',
    path: `${one}/resume`,
    tags: ['jobs'],
    summary: 'Lets a suspended or paused job fire again, from now on: ticks of the time between are not made up for',
    request: { params: jobParams, query: noQuery, headers: matchHeaders },
    responses: { 200: tagged(jobSchema, 'The job as it is now.'), ...problems },
  }),
};

/** Jobs one by one: created, read, replaced, patched, deleted, suspended, resumed. */
export function jobRoutes(deps: Pick<AppDependencies, 'jobs' | 'standing' | 'workers'>): OpenAPIHono<AppEnv> {
  const { jobs, standing, workers } = deps;
  const app = new OpenAPIHono<AppEnv>();
  app.openAPIRegistry.register('Manifest', manifestSchema);
  app.openAPIRegistry.registerComponent('schemas', 'Patch', {
    type: 'object',
    description: 'The part of a manifest that is to change.',
    example: { spec: { suspend: true } },
  });

  const show = async (context: Context, job: Job): Promise<JobAnswer> => {
    context.header('ETag', entityTag(job));
    const [nextTick] = jobs.nextTicks(job, 1);
    const eligible = workers.list().filter(worker => worker.ready && isEligible(worker, job.spec));
    const lastRun = (await jobs.lastRuns([job])).get(job.uid);
    const problems = (await standing.of([job])).get(jobKey(job));
    return jobAnswer(job, {
      nextTick,
      lastRun,
      problems,
      ...(workers.current && { eligibleWorkers: eligible.length }),
    });
  };
  const created = async (context: Context, job: Job): Promise<JobAnswer> => {
    context.header('Location', `/api/v1/namespaces/${job.namespace}/jobs/${job.name}`);
    return await show(context, job);
  };

  app.openapi(routes.create, async context => {
    const { manifest } = incomingManifest(await readBody(context.req));
    const job = await jobs.create(validateManifest(manifest, { expect: context.req.valid('param') }));
    return context.json(await created(context, job), 201);
  });

  app.openapi(routes.createAnywhere, async context => {
    const { manifest } = incomingManifest(await readBody(context.req));
    const valid = validateManifest(manifest);
    requireNamespace(context.get('caller'), valid.metadata.namespace);
    return context.json(await created(context, await jobs.create(valid)), 201);
  });

  app.openapi(routes.get, async context => {
    const job = await jobs.get(jobRef(context.req.valid('param')));
    return context.json(await show(context, job), 200);
  });

  app.openapi(routes.chain, async context => {
    const job = await jobs.get(jobRef(context.req.valid('param')));
    return context.json(chainLinksAnswer(await jobs.chainLinks(job)), 200);
  });

  app.openapi(routes.apply, async context => {
    const { manifest, fields } = incomingManifest(await readBody(context.req));
    const precondition = preconditionOf(context.req, fields);
    const valid = validateManifest(manifest, { expect: context.req.valid('param') });
    const { job, outcome } = await jobs.apply(valid, precondition);
    if (outcome === 'created') return context.json(await created(context, job), 201);
    return context.json(await show(context, job), 200);
  });

  app.openapi(routes.patch, async context => {
    const ref = jobRef(context.req.valid('param'));
    const { manifest, fields } = incomingManifest(await readBody(context.req));
    const { job } = await jobs.patch(ref, manifest, preconditionOf(context.req, fields));
    return context.json(await show(context, job), 200);
  });

  app.openapi(routes.delete, async context => {
    await jobs.delete(jobRef(context.req.valid('param')), preconditionOf(context.req));
    return context.body(null, 204);
  });

  for (const [route, suspend] of [
    [routes.suspend, true],
    [routes.resume, false],
  ] as const) {
    app.openapi(route, async context => {
      const ref = jobRef(context.req.valid('param'));
      const { job } = await jobs.setSuspended(ref, suspend, preconditionOf(context.req));
      return context.json(await show(context, job), 200);
    });
  }
  return app;
}
