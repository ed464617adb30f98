import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { CronmeshError } from '../../../domain/errors.ts';
import { preview } from '../../../domain/job/preview.ts';
import { parseRunRequest } from '../../../domain/run/request.ts';
import type { RunId, WorkerId } from '../../../domain/run/run.ts';
import { formatInstant } from '../../../domain/time.ts';
import type { LogLine } from '../../../store/store.ts';
import { askedBy, listScope } from '../access.ts';
import { readBodyIfAny } from '../body.ts';
import type { AppDependencies } from '../dependencies.ts';
import type { AppEnv } from '../environment.ts';
import { askedAnswer, dryRunAnswer, runAnswer } from '../outgoing.ts';
import { allRunsQuery, given, logsQuery, noQuery, triggerQuery } from '../query.ts';
import { askedRunSchema, dryRunSchema, pageOf, runRequestSchema, runSchema } from '../schemas.ts';
import { serverSentEvents } from '../sse.ts';
import { answer, body, jobParams, manifestTypes, problems, runParams } from './document.ts';
import { jobRef, runRef } from './refs.ts';

const routes = {
  trigger: createRoute({
    method: 'post',
    path: '/api/v1/namespaces/{namespace}/jobs/{name}/trigger',
    tags: ['runs'],
    summary: 'Asks for a run, now or later; it waits for a worker until the job’s starting deadline',
    request: { params: jobParams, query: triggerQuery, body: body('RunRequest', manifestTypes, false) },
    responses: {
      200: answer(dryRunSchema, 'With dryRun: what would run, and where.'),
      202: answer(askedRunSchema, 'The run, Pending, or the runs; requestedAt is when it is due.'),
      ...problems,
    },
  }),
  list: createRoute({
    method: 'get',
    path: '/api/v1/runs',
    tags: ['runs'],
    summary: 'Runs of all jobs, newest first',
    request: { query: allRunsQuery },
    responses: { 200: answer(pageOf(runSchema, 'RunPage'), 'A page of runs.'), ...problems },
  }),
  get: createRoute({
    method: 'get',
    path: '/api/v1/runs/{id}',
    tags: ['runs'],
    summary: 'A run',
    request: { params: runParams, query: noQuery },
    responses: { 200: answer(runSchema, 'The run.'), ...problems },
  }),
  chain: createRoute({
    method: 'get',
    path: '/api/v1/runs/{id}/chain',
    tags: ['runs'],
    summary:
      'All runs of the chain that a run belongs to, in order; `upstream` links them. Itself alone without a chain',
    request: { params: runParams, query: noQuery },
    responses: { 200: answer(z.object({ items: z.array(runSchema) }).openapi('Chain'), 'The runs.'), ...problems },
  }),
  kill: createRoute({
    method: 'post',
    path: '/api/v1/runs/{id}/kill',
    tags: ['runs'],
    summary: 'Asks for the end of a run and of everything that it started; one that is not due yet never starts',
    request: { params: runParams, query: noQuery },
    responses: { 202: answer(runSchema, 'The run as it was when its end was asked for.'), ...problems },
  }),
  logs: createRoute({
    method: 'get',
    path: '/api/v1/runs/{id}/logs',
    tags: ['runs'],
    summary: 'The output of a run; with follow=true as server-sent events, until it has ended',
    request: {
      params: runParams,
      query: logsQuery,
      headers: z.object({ 'last-event-id': z.string().optional().openapi({ pattern: '^([0-9]{1,15})?$' }) }),
    },
    responses: {
      200: {
        description:
          'The text, or events `output` (a line as JSON, its id as the event’s) and at last `end` (the run). With the header `Cronmesh-Source: loki` it is from the archive: the database has it no more.',
        content: { 'text/plain': { schema: z.string() }, 'text/event-stream': { schema: {} } },
      },
      ...problems,
    },
  }),
};

/** Runs: asked for, ended, listed, and their output. */
export function runRoutes(
  deps: Pick<AppDependencies, 'jobs' | 'runs' | 'dryRuns' | 'clock' | 'stopping'>,
): OpenAPIHono<AppEnv> {
  const { jobs, runs, dryRuns, clock } = deps;
  const app = new OpenAPIHono<AppEnv>();
  app.openAPIRegistry.register('RunRequest', runRequestSchema);

  app.openapi(routes.trigger, async context => {
    const ref = jobRef(context.req.valid('param'));
    const wanted = parseRunRequest(await readBodyIfAny(context.req), clock());
    const job = await jobs.get(ref);
    if (wanted.dryRun || context.req.valid('query').dryRun === 'true') {
      return context.json(dryRunAnswer(await dryRuns.plan(job, wanted)), 200);
    }
    const run = await runs.trigger(job, askedBy(context.get('caller')), wanted);
    context.header('Location', `/api/v1/runs/${run.id}`);
    return context.json(askedAnswer(run), 202);
  });

  app.openapi(routes.list, async context => {
    const { limit, job, worker, whole, namespace, ...rest } = context.req.valid('query');
    const scope = listScope(context.get('caller'), namespace);
    const ids = { worker: worker as WorkerId | undefined, whole: whole as RunId | undefined };
    const filter = { ...rest, name: job, ...ids };
    const { items, next } = await runs.list({ limit, ...scope, ...given(filter) });
    return context.json({ items: items.map(runAnswer), ...(next !== undefined && { next }) }, 200);
  });

  app.openapi(routes.get, async context => {
    return context.json(runAnswer(await runs.get(runRef(context.req.valid('param').id))), 200);
  });

  app.openapi(routes.chain, async context => {
    const items = await runs.chain(runRef(context.req.valid('param').id));
    return context.json({ items: items.map(runAnswer) }, 200);
  });

  app.openapi(routes.kill, async context => {
    return context.json(
      runAnswer(await runs.kill(runRef(context.req.valid('param').id), askedBy(context.get('caller')))),
      202,
    );
  });

  app.openapi(routes.logs, async context => {
    const run = await runs.get(runRef(context.req.valid('param').id));
    const { id } = run;
    const { follow, after, attempt } = context.req.valid('query');
    const options = given({ after: lastEventId(context.req.header('last-event-id')) ?? after, attempt });
    const archived = await runs.archivedLogs(run, options);
    if (archived !== undefined) context.header('Cronmesh-Source', 'loki');
    if (follow === 'false') return await textResponse(archived ?? runs.logs(id, options), archived && 'loki');
    return serverSentEvents(context, deps.stopping, async (stream, signal) => {
      for await (const lines of archived ?? runs.follow(id, options, signal)) {
        for (const line of lines) {
          await stream.writeSSE({ event: 'output', id: String(line.id), data: JSON.stringify(lineAnswer(line)) });
        }
      }
      // Cut short, the client is to come back: `end` is the run's end only.
      if (!signal.aborted) await stream.writeSSE({ event: 'end', data: JSON.stringify(runAnswer(await runs.get(id))) });
    });
  });
  return app;
}

const lineAnswer = (line: LogLine) => ({ ...line, at: formatInstant(line.at) });

function lastEventId(header: string | undefined): number | undefined {
  if (header === undefined || header === '') return undefined;
  if (/^\d{1,15}$/.test(header)) return Number(header);
  const message = 'must be the id of an event of this stream, as it was given';
  throw new CronmeshError('InvalidInput', `Last-Event-ID ${message}`, {
    problems: [{ field: 'Last-Event-ID', value: preview(header), message }],
  });
}

/** Reads the log as fast as the client takes it, and no faster. */
async function textResponse(pages: AsyncGenerator<readonly LogLine[]>, source?: string): Promise<Response> {
  const encoder = new TextEncoder();
  // Read before the answer begins: what goes wrong can then still be told.
  let page = await pages.next();
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (page.done) return controller.close();
      controller.enqueue(encoder.encode(page.value.map(line => line.text).join('')));
      page = await pages.next();
    },
    async cancel() {
      await pages.return(undefined);
    },
  });
  return new Response(stream, {
    headers: {
      'Content-Type': 'text/plain; charset=utf-8',
      'Cache-Control': 'no-store',
      ...(source !== undefined && { 'Cronmesh-Source': source }),
    },
  });
}
