import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { formatInstant } from '../../../domain/time.ts';
import type { Notification } from '../../../store/store.ts';
import { listScope } from '../access.ts';
import type { AppDependencies } from '../dependencies.ts';
import type { AppEnv } from '../environment.ts';
import { given, notificationsQuery } from '../query.ts';
import { notificationSchema } from '../schemas.ts';
import { answer, problems } from './document.ts';

const route = createRoute({
  method: 'get',
  path: '/api/v1/notifications',
  tags: ['notifications'],
  summary: 'What was told to channels, or waits to be, newest first',
  request: { query: notificationsQuery },
  responses: {
    200: answer(z.object({ items: z.array(notificationSchema) }).openapi('NotificationList'), 'The newest of them.'),
    ...problems,
  },
});

/** What was told, and what became of it. */
export function notificationRoutes({ runs }: Pick<AppDependencies, 'runs'>): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>();
  app.openapi(route, async context => {
    const { limit, job, namespace, state } = context.req.valid('query');
    const scope = listScope(context.get('caller'), namespace);
    const items = await runs.notifications({ limit, ...scope, ...given({ name: job, state }) });
    return context.json({ items: items.map(notificationAnswer) }, 200);
  });
  return app;
}

function notificationAnswer({ jobUid: _, content, createdAt, at, ...rest }: Notification) {
  const { title, text } = content;
  return { ...rest, title, text, createdAt: formatInstant(createdAt), at: formatInstant(at) };
}
