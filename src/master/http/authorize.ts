import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { CronmeshError } from '../../domain/errors.ts';
import { Sparing } from '../../observability/sparing.ts';
import { type Access, requireNamespace, requireRole, sees } from './access.ts';
import type { AppDependencies } from './dependencies.ts';
import type { AppEnv } from './environment.ts';
import { backfillRef, runRef } from './routes/refs.ts';

/**
 * What a route asks of its caller, beside the role (viewer to read, editor to change):
 *
 * - `open`: nothing, it has a token of its own
 * - `anyone`: a token
 * - `filtered`: a token; its handler shows, or takes, only what `listScope` and `requireNamespace` allow
 * - `namespace`: that of its path
 * - `run`, `backfill`: the namespace of what its id names
 * - `admin`: that role
 */
export type Rule = 'open' | 'anyone' | 'filtered' | 'namespace' | 'run' | 'backfill' | 'admin';

const rules: readonly (readonly [methods: string, path: RegExp, rule: Rule])[] = [
  ['POST', /^\/api\/v1\/callbacks\//, 'open'],
  ['*', /^\/api\/v1\/namespaces\/:namespace\//, 'namespace'],
  ['*', /^\/api\/v1\/runs\/:id(\/|$)/, 'run'],
  ['*', /^\/api\/v1\/backfills\/:id(\/|$)/, 'backfill'],
  ['GET POST', /^\/api\/v1\/jobs$/, 'filtered'],
  ['GET', /^\/api\/v1\/(runs|calendars|backfills|notifications|freeze)$/, 'filtered'],
  ['GET', /^\/api\/v1\/(workers|events)$/, 'anyone'],
  ['GET', /^\/metrics$/, 'anyone'],
];

/** The rule of a route as it was registered. What has none is for admins: a new route is closed until it is thought about. */
export function ruleOf(method: string, path: string): Rule {
  const known = rules.find(
    ([methods, pattern]) => (methods === '*' || methods.split(' ').includes(method)) && pattern.test(path),
  );
  return known?.[2] ?? 'admin';
}

type Looked = Pick<AppDependencies, 'runs' | 'backfills'>;

/** Refuses whoever may not do what a request asks: 401 without a known token, 403 with one that is not enough. */
export function authorize(access: Access, deps: Looked): MiddlewareHandler<AppEnv> {
  const sparing = new Sparing();
  return async (context, next) => {
    const { method } = context.req;
    const safe = method === 'GET' || method === 'HEAD';
    // By the route that will answer, never by the path's text: there are many ways to write one path.
    const routes = matchedRoutes(context);
    const index = routes.findLastIndex(one => one.method !== 'ALL');
    const route = routes[index];
    const rule = route === undefined ? 'anyone' : ruleOf(route.method, route.path);
    if (rule !== 'open') {
      try {
        const caller = access.callerOf(context.req.header('authorization'));
        context.set('caller', caller);
        requireRole(caller, rule === 'admin' ? 'admin' : safe ? 'viewer' : 'editor');
        if (rule === 'namespace') requireNamespace(caller, parameterOf(context, index, 'namespace'));
        else if (rule === 'run' || rule === 'backfill')
          await requireOwn(rule, context, parameterOf(context, index, 'id'), deps);
      } catch (error) {
        say(error, context, sparing);
        throw error;
      }
    }
    await next();
  };
}

/** A path's parameter as the route that will answer reads it; here, before it, it is another route's turn. */
function parameterOf({ req }: Context<AppEnv>, index: number, name: string): string {
  const own = req.routeIndex;
  req.routeIndex = index;
  const value = req.param(name);
  req.routeIndex = own;
  return value ?? '';
}

/** What is in a namespace that the caller may not see is not there for it. */
async function requireOwn(rule: 'run' | 'backfill', context: Context<AppEnv>, id: string, deps: Looked): Promise<void> {
  const caller = context.get('caller');
  if (caller?.namespaces === '*') return;
  const { namespace } = rule === 'run' ? await deps.runs.get(runRef(id)) : await deps.backfills.get(backfillRef(id));
  if (!sees(caller, namespace)) throw new CronmeshError('NotFound', `there is no ${rule} ${id}`);
}

function say(error: unknown, context: Context<AppEnv>, sparing: Sparing): void {
  if (!(error instanceof CronmeshError)) return;
  const { code, message } = error;
  if (code !== 'Unauthorized' && code !== 'Forbidden') return;
  const { method, path } = context.req;
  sparing.say(message, unsaid =>
    context.get('logger').warn({ method, path: path.slice(0, 200), unsaid }, `refused: ${message}`),
  );
}
