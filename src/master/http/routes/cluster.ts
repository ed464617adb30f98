import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { CronmeshError } from '../../../domain/errors.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { AppDependencies } from '../dependencies.ts';
import type { AppEnv } from '../environment.ts';
import { workerAnswer } from '../outgoing.ts';
import { noQuery } from '../query.ts';
import { pageOf, workerSchema } from '../schemas.ts';
import { serverSentEvents } from '../sse.ts';
import { answer, problems } from './document.ts';

/** A page that is told more often cannot show more. */
const tellEvery: Milliseconds = 250;

const routes = {
  workers: createRoute({
    method: 'get',
    path: '/api/v1/workers',
    tags: ['cluster'],
    summary: 'The workers as the catalog shows them',
    request: { query: noQuery },
    responses: { 200: answer(pageOf(workerSchema, 'WorkerList'), 'All workers, by name.'), ...problems },
  }),
  events: createRoute({
    method: 'get',
    path: '/api/v1/events',
    tags: ['cluster'],
    summary:
      'Server-sent events: `change` whenever jobs or runs changed through this master; a hint to read them again',
    request: { query: noQuery },
    responses: {
      200: { description: 'Events.', content: { 'text/event-stream': { schema: {} } } },
      ...problems,
    },
  }),
};

/** The cluster as a whole: its workers, and what happens. */
export function clusterRoutes(
  deps: Pick<AppDependencies, 'workers' | 'cordons' | 'changes' | 'stopping'>,
): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>();

  app.openapi(routes.workers, async context => {
    if (!deps.workers.current) {
      throw new CronmeshError('Unavailable', 'Consul does not answer: which workers there are now is not known', {
        retryable: true,
      });
    }
    return context.json({ items: (await deps.cordons.list()).map(workerAnswer) }, 200);
  });

  app.openapi(routes.events, context =>
    serverSentEvents(context, deps.stopping, async (stream, signal) => {
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      const kinds = new Set<string>();
      let waiting: NodeJS.Timeout | undefined;
      let writing = false;
      // One event at a time: for a client that does not read, they would pile up.
      const plan = (): void => {
        if (kinds.size > 0 && !writing) waiting ??= setTimeout(() => void tell(), tellEvery);
      };
      const tell = async (): Promise<void> => {
        waiting = undefined;
        writing = true;
        const data = JSON.stringify({ kinds: [...kinds] });
        kinds.clear();
        await stream.writeSSE({ event: 'change', data });
        writing = false;
        if (!signal.aborted) plan();
      };
      const unsubscribe = deps.changes.subscribe(change => {
        kinds.add(change.kind);
        plan();
      });
      signal.addEventListener('abort', () => end(), { once: true });
      try {
        // The headers leave with the first byte: without one, the client would not know that it is connected.
        await stream.writeSSE({ event: 'hello', data: '{}' });
        if (!signal.aborted) await ended;
      } finally {
        unsubscribe();
        clearTimeout(waiting);
      }
    }),
  );
  return app;
}
