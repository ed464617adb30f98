import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { z } from 'zod';
import type { Calendar } from '../../../domain/calendar/calendar.ts';
import { calendarName } from '../../../domain/calendar/spec.ts';
import { validateCalendar } from '../../../domain/calendar/validate.ts';
import { CronmeshError } from '../../../domain/errors.ts';
import { namespaceName } from '../../../domain/job/spec/names.ts';
import type { JobName } from '../../../store/store.ts';
import type { AppliedCalendar } from '../../services/calendars/calendars.ts';
import { listScope } from '../access.ts';
import { isIcalendar, readBody, readText } from '../body.ts';
import { entityTag, preconditionOf } from '../conditions.ts';
import type { AppDependencies } from '../dependencies.ts';
import type { AppEnv } from '../environment.ts';
import { incomingManifest } from '../incoming.ts';
import { calendarAnswer } from '../outgoing.ts';
import { allCalendarsQuery, calendarImportQuery, calendarsQuery, given, noQuery } from '../query.ts';
import { calendarManifestSchema, calendarSchema, pageOf } from '../schemas.ts';
import {
  answer,
  applyHeaders,
  body,
  jobParams,
  manifestTypes,
  matchHeaders,
  namespaceParams,
  problems,
  tagged,
} from './document.ts';

const collection = '/api/v1/namespaces/{namespace}/calendars';
const one = `${collection}/{name}`;
const tags = ['calendars'];
const manifestBody = body('CalendarManifest', manifestTypes);
const file = {
  content: { 'text/calendar': { schema: { type: 'string' as const, format: 'binary' } } },
  required: true,
};
const page = answer(pageOf(calendarSchema, 'CalendarPage'), 'A page of calendars.');

const routes = {
  all: createRoute({
    method: 'get',
    path: '/api/v1/calendars',
    tags,
    summary: 'Calendars of all namespaces, by namespace and name',
    request: { query: allCalendarsQuery },
    responses: { 200: page, ...problems },
  }),
  list: createRoute({
    method: 'get',
    path: collection,
    tags,
    summary: 'Calendars of a namespace, by name',
    request: { params: namespaceParams, query: calendarsQuery },
    responses: { 200: page, ...problems },
  }),
  create: createRoute({
    method: 'post',
    path: collection,
    tags,
    summary: 'Creates a calendar',
    request: { params: namespaceParams, query: noQuery, body: manifestBody },
    responses: { 201: tagged(calendarSchema, 'The calendar as it was created.'), ...problems },
  }),
  get: createRoute({
    method: 'get',
    path: one,
    tags,
    summary: 'A calendar, and the jobs that name it',
    request: { params: jobParams, query: noQuery },
    responses: { 200: tagged(calendarSchema, 'The calendar.'), ...problems },
  }),
  apply: createRoute({
    method: 'put',
    path: one,
    tags,
    summary:
      'Creates a calendar, or replaces it: then If-Match is needed. A change of what it holds is one of the schedule of each job that names it. With text/calendar: as import',
    request: {
      params: jobParams,
      query: calendarImportQuery,
      headers: applyHeaders,
      body: { required: true, content: { ...manifestBody.content, ...file.content } },
    },
    responses: {
      200: tagged(calendarSchema, 'Replaced, or already so: unchanged content makes no new revision.'),
      201: tagged(calendarSchema, 'Created.'),
      ...problems,
    },
  }),
  import: createRoute({
    method: 'post',
    path: `${one}/import`,
    tags,
    summary: 'Makes a calendar of an iCalendar file (RFC 5545), or replaces what it holds; labels stay',
    request: { params: jobParams, query: calendarImportQuery, headers: applyHeaders, body: file },
    responses: {
      200: tagged(calendarSchema, 'Replaced, or already so.'),
      201: tagged(calendarSchema, 'Created.'),
      ...problems,
    },
  }),
  delete: createRoute({
    method: 'delete',
    path: one,
    tags,
    summary: 'Deletes a calendar that no job names',
    request: { params: jobParams, query: noQuery, headers: matchHeaders },
    responses: { 204: { description: 'Deleted.' }, ...problems },
  }),
};

/** Calendars: named sets of times that jobs exclude or require. */
export function calendarRoutes({ calendars }: Pick<AppDependencies, 'calendars'>): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>();
  app.openAPIRegistry.register('CalendarManifest', calendarManifestSchema);

  const show = (context: Context, calendar: Calendar, usedBy?: readonly string[]): z.output<typeof calendarSchema> => {
    context.header('ETag', entityTag(calendar));
    return calendarAnswer(calendar, usedBy);
  };
  const created = (context: Context, calendar: Calendar) => {
    context.header('Location', `/api/v1/namespaces/${calendar.namespace}/calendars/${calendar.name}`);
    return show(context, calendar, []);
  };
  const applied = async (context: Context, { calendar, outcome }: AppliedCalendar) =>
    outcome === 'created'
      ? context.json(created(context, calendar), 201)
      : context.json(show(context, calendar, await calendars.users(calendar)), 200);

  app.openapi(routes.all, async context => {
    const { limit, namespace, ...rest } = context.req.valid('query');
    const scope = listScope(context.get('caller'), namespace);
    const { items, next } = await calendars.list({ limit, ...scope, ...given(rest) });
    return context.json({ items: items.map(item => calendarAnswer(item)), ...(next !== undefined && { next }) }, 200);
  });

  app.openapi(routes.list, async context => {
    const { namespace } = context.req.valid('param');
    const { limit, ...rest } = context.req.valid('query');
    if (!namespaceName.safeParse(namespace).success) return context.json({ items: [] }, 200);
    const { items, next } = await calendars.list({ namespace, limit, ...given(rest) });
    return context.json({ items: items.map(item => calendarAnswer(item)), ...(next !== undefined && { next }) }, 200);
  });

  app.openapi(routes.create, async context => {
    const { manifest } = incomingManifest(await readBody(context.req));
    const calendar = await calendars.create(validateCalendar(manifest, { expect: context.req.valid('param') }));
    return context.json(created(context, calendar), 201);
  });

  app.openapi(routes.get, async context => {
    const calendar = await calendars.get(calendarRef(context.req.valid('param')));
    return context.json(show(context, calendar, await calendars.users(calendar)), 200);
  });

  app.openapi(routes.apply, async context => {
    const window = context.req.valid('query');
    const precondition = preconditionOf(context.req);
    if (isIcalendar(context.req)) {
      const ref = newRef(context.req.valid('param'));
      return await applied(context, await calendars.import(ref, await readText(context.req), window, precondition));
    }
    if (Object.values(window).some(value => value !== undefined)) {
      const message =
        'from, to and timeZone are for iCalendar files: send Content-Type text/calendar, or leave them out';
      throw new CronmeshError('InvalidInput', message);
    }
    const { manifest, fields } = incomingManifest(await readBody(context.req));
    const valid = validateCalendar(manifest, { expect: context.req.valid('param') });
    return await applied(context, await calendars.apply(valid, preconditionOf(context.req, fields)));
  });

  app.openapi(routes.import, async context => {
    if (!isIcalendar(context.req)) {
      throw new CronmeshError('UnsupportedMediaType', 'an iCalendar file is needed: send Content-Type text/calendar');
    }
    const ref = newRef(context.req.valid('param'));
    const text = await readText(context.req);
    const done = await calendars.import(ref, text, context.req.valid('query'), preconditionOf(context.req));
    return await applied(context, done);
  });

  app.openapi(routes.delete, async context => {
    await calendars.delete(calendarRef(context.req.valid('param')), preconditionOf(context.req));
    return context.body(null, 204);
  });
  return app;
}

/** A calendar's place from an address. What cannot be a name is not looked for. @throws CronmeshError NotFound */
function calendarRef({ namespace, name }: JobName): JobName {
  if (namespaceName.safeParse(namespace).success && calendarName.safeParse(name).success) return { namespace, name };
  throw new CronmeshError('NotFound', `there is no calendar ${JSON.stringify(`${namespace}/${name}`.slice(0, 200))}`);
}

/** The same of one that is to be made: what is wrong with the name is told. @throws CronmeshError InvalidInput */
function newRef(metadata: JobName): JobName {
  const { namespace, name } = validateCalendar({ metadata, spec: { dates: ['2000-01-01'] } }).metadata;
  return { namespace, name };
}
