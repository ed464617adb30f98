import { createRoute, OpenAPIHono, type z } from '@hono/zod-openapi';
import { CronmeshError } from '../../../domain/errors.ts';
import { problemsOf } from '../../../domain/job/problems.ts';
import { namespaceName } from '../../../domain/job/spec/names.ts';
import { everything } from '../../../domain/policy/freeze.ts';
import type { FreezeChange } from '../../services/freezes.ts';
import { askedBy, sees } from '../access.ts';
import { readBody } from '../body.ts';
import type { AppDependencies } from '../dependencies.ts';
import type { AppEnv } from '../environment.ts';
import { freezeAnswer } from '../outgoing.ts';
import { noQuery } from '../query.ts';
import { cordonRequest, freezeRequest, freezeSchema, pageOf } from '../schemas.ts';
import { answer, body, namespaceParams, problems, workerParams } from './document.ts';

const freezePage = pageOf(freezeSchema, 'FreezePage');
const ofNamespace = '/api/v1/namespaces/{namespace}/freeze';

const changed = {
  200: answer(freezeSchema, 'In Consul: every worker keeps to it within a second.'),
  202: answer(freezeSchema, 'Accepted, and not in force: Consul could not be told yet, which is tried on.'),
  ...problems,
};

const freezeRoutes = [
  { path: '/api/v1/freeze', what: 'everything', request: { query: noQuery } },
  { path: ofNamespace, what: 'a namespace', request: { query: noQuery, params: namespaceParams } },
].map(({ path, what, request }) => ({
  show: createRoute({
    method: 'get',
    path,
    tags: ['brakes'],
    summary: `Freezes that concern ${what}, those that are over too, newest first`,
    request,
    responses: { 200: answer(freezePage, 'Freezes.'), ...problems },
  }),
  freeze: createRoute({
    method: 'post',
    path,
    tags: ['brakes'],
    summary: `Freezes ${what}: ticks of that time are skipped; runs asked for by hand still start`,
    request: { ...request, body: body('FreezeRequest', ['application/json', 'application/yaml']) },
    responses: changed,
  }),
  thaw: createRoute({
    method: 'delete',
    path,
    tags: ['brakes'],
    summary: `Thaws ${what}: what was due meanwhile is not made up for`,
    request,
    responses: changed,
  }),
}));

const cordonRoutes = (['cordon', 'drain', 'uncordon'] as const).map(what => ({
  what,
  route: createRoute({
    method: 'post',
    path: `/api/v1/workers/{name}/${what}`,
    tags: ['brakes'],
    summary: {
      cordon: 'A worker takes no more work; its runs go on',
      drain: 'As cordon, and runs that go on without their worker are handed over at once',
      uncordon: 'A worker takes work again',
    }[what],
    request: {
      query: noQuery,
      params: workerParams,
      ...(what !== 'uncordon' && {
        body: { ...body('CordonRequest', ['application/json', 'application/yaml']), required: false },
      }),
    },
    responses: { 204: { description: 'Consul has it: the worker hears of it within a moment.' }, ...problems },
  }),
}));

/** What holds work back by somebody's wish: freezes, and cordons of workers. */
export function brakeRoutes(deps: Pick<AppDependencies, 'freezes' | 'cordons' | 'changes'>): OpenAPIHono<AppEnv> {
  const { freezes, cordons, changes } = deps;
  const app = new OpenAPIHono<AppEnv>();
  app.openAPIRegistry.register('FreezeRequest', freezeRequest);
  app.openAPIRegistry.register('CordonRequest', cordonRequest);

  const told = ({ freeze, published }: FreezeChange) => {
    changes.brakesChanged();
    return [freezeAnswer(freeze, freezes.stateOf(freeze)), published ? 200 : 202] as const;
  };

  for (const { show, freeze, thaw } of freezeRoutes) {
    app.openapi(show, async context => {
      const scope = scopeOf(context.req.param('namespace'));
      const { all } = await freezes.known();
      const caller = context.get('caller');
      const wanted = all
        .filter(one => scope === everything || one.scope === everything || one.scope === scope)
        .filter(one => one.scope === everything || sees(caller, one.scope));
      return context.json({ items: wanted.toReversed().map(one => freezeAnswer(one, freezes.stateOf(one))) }, 200);
    });
    app.openapi(freeze, async context => {
      const scope = scopeOf(context.req.param('namespace'));
      const by = askedBy(context.get('caller'));
      const { until, reason } = valid(freezeRequest, await readBody(context.req));
      return context.json(
        ...told(await freezes.freeze(scope, { by, reason, ...(until !== undefined && { until: Date.parse(until) }) })),
      );
    });
    app.openapi(thaw, async context =>
      context.json(
        ...told(await freezes.thaw(scopeOf(context.req.param('namespace')), askedBy(context.get('caller')))),
      ),
    );
  }

  for (const { what, route } of cordonRoutes) {
    app.openapi(route, async context => {
      const { name } = context.req.valid('param');
      const by = askedBy(context.get('caller'));
      if (what === 'uncordon') await cordons.uncordon(name, by);
      else {
        const given = context.req.header('content-type') === undefined ? {} : await readBody(context.req);
        await cordons.cordon(name, { drain: what === 'drain', by, reason: valid(cordonRequest, given).reason });
      }
      changes.brakesChanged();
      return context.body(null, 204);
    });
  }
  return app;
}

/** @throws CronmeshError NotFound */
function scopeOf(namespace: string | undefined): string {
  if (namespace === undefined) return everything;
  if (namespaceName.safeParse(namespace).success) return namespace;
  throw new CronmeshError('NotFound', `${JSON.stringify(namespace.slice(0, 100))} can be no namespace`);
}

/** @throws CronmeshError InvalidInput */
function valid<T extends z.ZodType>(schema: T, given: unknown): z.output<T> {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const wrong = problemsOf(result.error, given, schema);
  const [first] = wrong;
  throw new CronmeshError('InvalidInput', `${first?.field ?? 'the body'} ${first?.message ?? 'is not valid'}`, {
    problems: wrong,
  });
}
