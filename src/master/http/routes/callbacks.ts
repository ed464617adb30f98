import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { CronmeshError } from '../../../domain/errors.ts';
import { problemsOf } from '../../../domain/job/problems.ts';
import { type BodyKind, readBody } from '../body.ts';
import type { AppDependencies } from '../dependencies.ts';
import type { AppEnv } from '../environment.ts';
import { limitRate } from '../rate.ts';
import { callbackAnswerSchema, callbackSchema } from '../schemas.ts';
import { answer, problems } from './document.ts';
import { runRef } from './refs.ts';

/** Each costs a consistent read of Consul and a write. */
const defaultPerSecond = 200;
/** Escaped as JSON, the longest output takes six bytes a character. */
const bodyKind: BodyKind = {
  most: 512 * 1024,
  needed: '{"outcome":"Succeeded"} or {"outcome":"Failed"}',
  hint: 'output takes at most 65536 characters',
};

const route = createRoute({
  method: 'post',
  path: '/api/v1/callbacks/{id}/{attempt}',
  tags: ['runs'],
  summary: 'Says how an asynchronous http run went; its request brought the address, with a token that is good once',
  description:
    'Forbidden (403): a wrong token. Conflict (409): answered before. Gone (410): nobody waits for it, or not any more.',
  request: {
    params: z.object({ id: z.string(), attempt: z.string() }),
    query: z.strictObject({ token: z.string().max(200).optional() }),
    headers: z.object({ authorization: z.string().optional() }),
    body: {
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Callback' } } },
    },
  },
  responses: { 202: answer(callbackAnswerSchema, 'It was taken: with an outcome, the run ends.'), ...problems },
});

/** Where the servers that runs asked say how it went. */
export function callbackRoutes({
  callbacks,
  callbacksPerSecond = () => defaultPerSecond,
}: Pick<AppDependencies, 'callbacks' | 'callbacksPerSecond'>): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>();
  app.openAPIRegistry.register('Callback', callbackSchema);
  app.use('/api/v1/callbacks/*', limitRate(callbacksPerSecond));
  app.openapi(route, async context => {
    const { id, attempt } = context.req.valid('param');
    const run = runRef(id);
    if (!/^[1-9]\d{0,6}$/.test(attempt))
      throw new CronmeshError('NotFound', `there is no attempt ${attempt.slice(0, 50)}`);
    const token = context.req.valid('query').token ?? bearer(context.req.header('authorization'));
    if (token === undefined) {
      throw new CronmeshError(
        'Unauthorized',
        'a token is needed: ?token=… as it was given, or Authorization: Bearer …',
      );
    }
    const body = await readBody(context.req, bodyKind);
    const parsed = callbackSchema.safeParse(body);
    if (!parsed.success) {
      const found = problemsOf(parsed.error, body, callbackSchema);
      throw new CronmeshError('InvalidInput', `${found[0]?.field} ${found[0]?.message}`, { problems: found });
    }
    const { outcome, message, output, progress = 0 } = parsed.data;
    const sentence = message === undefined ? {} : { message };
    const said = outcome
      ? { outcome, ...sentence, ...(output !== undefined && { output }) }
      : { progress, ...sentence };
    await callbacks.take(run, Number(attempt), token, said);
    return context.json({ run, attempt: Number(attempt), ...(outcome && { outcome }) }, 202);
  });
  return app;
}

function bearer(header: string | undefined): string | undefined {
  return /^Bearer +(\S{1,200})$/i.exec(header ?? '')?.[1];
}
