import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { jobKey } from '../../../domain/job/job.ts';
import { stillness } from '../../../domain/job/pause.ts';
import { namespaceName } from '../../../domain/job/spec/names.ts';
import { scheduleOf } from '../../../domain/schedule/index.ts';
import { formatInstant } from '../../../domain/time.ts';
import type { JobFilter } from '../../../store/store.ts';
import { listScope } from '../access.ts';
import type { AppDependencies } from '../dependencies.ts';
import type { AppEnv } from '../environment.ts';
import { jobAnswer, leftOutAnswer, runAnswer, skipAnswer, waitingAnswer } from '../outgoing.ts';
import { allJobsQuery, given, jobRunsQuery, jobsQuery, labelFilter, nextQuery, noQuery, skipsQuery } from '../query.ts';
import { jobSchema, pageOf, runSchema, skipSchema, ticksSchema, waitingSchema } from '../schemas.ts';
import { answer, jobParams, namespaceParams, problems } from './document.ts';
import { jobRef } from './refs.ts';

const one = '/api/v1/namespaces/{namespace}/jobs/{name}';
const jobPage = pageOf(jobSchema, 'JobPage');

const routes = {
  all: createRoute({
    method: 'get',
    path: '/api/v1/jobs',
    tags: ['jobs'],
    summary: 'Jobs of all namespaces, by namespace and name',
    request: { query: allJobsQuery },
    responses: { 200: answer(jobPage, 'A page of jobs.'), ...problems },
  }),
  ofNamespace: createRoute({
    method: 'get',
    path: '/api/v1/namespaces/{namespace}/jobs',
    tags: ['jobs'],
    summary: 'Jobs of a namespace, by name',
    request: { params: namespaceParams, query: jobsQuery },
    responses: { 200: answer(jobPage, 'A page of jobs.'), ...problems },
  }),
  next: createRoute({
    method: 'get',
    path: `${one}/next`,
    tags: ['jobs'],
    summary: 'The next ticks of a job; none while it is suspended or paused',
    request: { params: jobParams, query: nextQuery },
    responses: { 200: answer(ticksSchema, 'Its ticks, the next one first.'), ...problems },
  }),
  runs: createRoute({
    method: 'get',
    path: `${one}/runs`,
    tags: ['runs'],
    summary: 'Runs of a job, newest first',
    request: { params: jobParams, query: jobRunsQuery },
    responses: { 200: answer(pageOf(runSchema, 'RunPage'), 'A page of runs.'), ...problems },
  }),
  waiting: createRoute({
    method: 'get',
    path: `${one}/waiting`,
    tags: ['runs'],
    summary: 'Runs of a job that wait for a worker or for their turn, the earliest first',
    request: { params: jobParams, query: noQuery },
    responses: { 200: answer(pageOf(waitingSchema, 'WaitingRunPage'), 'All of them.'), ...problems },
  }),
  skips: createRoute({
    method: 'get',
    path: `${one}/skips`,
    tags: ['runs'],
    summary: 'Why ticks of a job did not run, newest first',
    request: { params: jobParams, query: skipsQuery },
    responses: { 200: answer(pageOf(skipSchema, 'SkipPage'), 'Ranges of ticks without a run.'), ...problems },
  }),
};

/** Lists: of jobs, and of what belongs to one job. */
export function jobListRoutes(deps: Pick<AppDependencies, 'jobs' | 'runs' | 'standing'>): OpenAPIHono<AppEnv> {
  const { jobs, runs, standing } = deps;
  const app = new OpenAPIHono<AppEnv>();

  const page = async (filter: JobFilter) => {
    const { items, next } = await jobs.list(filter);
    const [last, problems] = await Promise.all([jobs.lastRuns(items), standing.of(items)]);
    return {
      items: items.map(job =>
        jobAnswer(job, {
          nextTick: jobs.nextTicks(job, 1)[0],
          lastRun: last.get(job.uid),
          problems: problems.get(jobKey(job)),
        }),
      ),
      ...(next !== undefined && { next }),
    };
  };

  app.openapi(routes.all, async context => {
    const { label, limit, namespace, ...rest } = context.req.valid('query');
    const labels = label && labelFilter(label);
    const scope = listScope(context.get('caller'), namespace);
    return context.json(await page({ limit, ...scope, ...given({ ...rest, labels }) }), 200);
  });

  app.openapi(routes.ofNamespace, async context => {
    const { namespace } = context.req.valid('param');
    const { label, limit, ...rest } = context.req.valid('query');
    // There are no jobs where there can be no namespace, and no database looks for a NUL.
    if (!namespaceName.safeParse(namespace).success) return context.json({ items: [] }, 200);
    const labels = label && labelFilter(label);
    return context.json(await page({ namespace, limit, ...given({ ...rest, labels }) }), 200);
  });

  app.openapi(routes.next, async context => {
    const job = await jobs.get(jobRef(context.req.valid('param')));
    const { count, from, excluded } = context.req.valid('query');
    const { expression, timeZone } = scheduleOf(job);
    const ticks = jobs.nextTicks(job, count, from);
    const leftOut = excluded === 'true' ? jobs.leftOut(job, count, ticks, from) : undefined;
    return context.json(
      {
        items: ticks.map(formatInstant),
        schedule: expression,
        timeZone,
        suspended: stillness(job) !== undefined,
        ...(leftOut !== undefined && { excluded: leftOut.map(leftOutAnswer) }),
      },
      200,
    );
  });

  // History outlives its job, so that of a deleted one is still shown: only where there is none must the job exist.
  app.openapi(routes.runs, async context => {
    const ref = jobRef(context.req.valid('param'));
    const { limit, ...rest } = context.req.valid('query');
    const { items, next } = await runs.list({ ...ref, limit, ...given(rest) });
    if (items.length === 0) await jobs.get(ref);
    return context.json({ items: items.map(runAnswer), ...(next !== undefined && { next }) }, 200);
  });

  app.openapi(routes.waiting, async context => {
    const job = await jobs.get(jobRef(context.req.valid('param')));
    return context.json({ items: (await runs.waiting(job)).map(waitingAnswer) }, 200);
  });

  app.openapi(routes.skips, async context => {
    const ref = jobRef(context.req.valid('param'));
    const { limit, ...rest } = context.req.valid('query');
    const items = await runs.skips({ ...ref, limit, ...given(rest) });
    if (items.length === 0) await jobs.get(ref);
    return context.json({ items: items.map(skipAnswer) }, 200);
  });
  return app;
}
