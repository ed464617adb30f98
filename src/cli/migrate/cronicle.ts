import { descriptionAnnotation } from '../crontab/import.ts';
import { isMapping } from '../manifests/parse.ts';
import {
  Conversion,
  type Converted,
  type ConvertOptions,
  type Executor,
  type Fields,
  jobNameOf,
  manifestOf,
  NotConvertible,
  noTimeoutSeconds,
  type Spec,
  type Tell,
  tellUnknown,
  textOf,
} from './converted.ts';
import { expressionOf, type Timing } from './cronicle-timing.ts';

/** Fields that are carried over, and those that Cronicle makes. */
const known = new Set([
  ...['id', 'title', 'enabled', 'timing', 'timezone', 'plugin', 'params', 'timeout', 'retries', 'retry_delay', 'notes'],
  ...['max_children', 'queue', 'queue_max', 'catch_up', 'multiplex', 'target', 'chain', 'chain_error', 'algo'],
  ...['created', 'modified', 'username', 'api_key', 'category', 'log_max_size'],
]);
const weekdayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/**
 * Turns events of Cronicle into jobs: what `control.sh export` wrote (lines of `KEY - JSON`), what its API answers to
 * `get_schedule` (`rows`), or a list of events.
 */
export function convertCronicle(content: string, name: string, options: ConvertOptions = {}): Converted {
  const conversion = new Conversion();
  const events = eventsOf(content, name);
  const names = new Map(events.map(event => [String(event.id), conversion.nameFor(titleOf(event))]));
  const hosts = hostsOf(content);
  for (const event of events) {
    conversion.add(titleOf(event), tell => {
      const called = names.get(String(event.id)) ?? '';
      if (called !== titleOf(event)) tell(`is called ${called} here`);
      tellUnknown(event, known, tell);
      const notes = textOf(event.notes);
      const annotations = {
        ...(called !== titleOf(event) && { title: titleOf(event) }),
        ...(notes !== undefined && { [descriptionAnnotation]: notes }),
      };
      const category = textOf(event.category);
      const labels = category === undefined ? {} : { category };
      return manifestOf(
        { name: called, namespace: options.namespace, labels, annotations },
        specOf(event, { events, names, hosts, conversion, options, tell }),
      );
    });
  }
  return conversion.result;
}

interface Context {
  readonly events: readonly Fields[];
  readonly names: ReadonlyMap<string, string>;
  readonly hosts: ReadonlySet<string>;
  readonly conversion: Conversion;
  readonly options: ConvertOptions;
  readonly tell: Tell;
}

function specOf(event: Fields, context: Context): Spec {
  const { tell, options } = context;
  const timeZone = textOf(event.timezone) ?? options.defaultTimeZone;
  const { executor } = executorOf(event, tell);
  const retries = Number(event.retries ?? 0);
  const timeout = Number(event.timeout ?? 0);
  const after = afterOf(event, context);
  const placement = placementOf(event, context);
  return {
    ...scheduleOf(event, timeZone, context),
    ...(timeZone !== undefined && { timeZone }),
    ...(isOff(event.enabled) && { suspend: true }),
    ...concurrencyOf(event, tell),
    // What a scheduler that was away missed is run after all, up to a thousand ticks, or not at all.
    ...(isOn(event.catch_up) && {
      misfirePolicy: 'RunAll' as const,
      misfireLimit: 1_000,
      startingDeadlineSeconds: noTimeoutSeconds,
    }),
    timeoutSeconds: timeout > 0 ? timeout : noTimeoutSeconds,
    ...(retries > 0 && {
      retry: {
        limit: Math.min(100, retries),
        backoff: { initialSeconds: Number(event.retry_delay ?? 0), factor: 1 },
      },
    }),
    ...(after.length > 0 && { after }),
    ...(placement !== undefined && { placement }),
    executor,
  };
}

function scheduleOf(event: Fields, timeZone: string | undefined, { conversion, options, tell }: Context) {
  if (!isMapping(event.timing)) {
    tell('it has no timing: it runs on demand (@manually)');
    return { schedule: '@manually' };
  }
  const { expression, weekdays } = expressionOf(event.timing as Timing);
  if (weekdays === undefined) return { schedule: expression };
  const days = [...new Set(weekdays)].sort().map(day => weekdayNames[day] ?? '');
  const name = jobNameOf(`weekdays ${days.join(' ')} ${timeZone ?? ''}`);
  tell(`days and weekdays must both hold: it requires the calendar ${name}`);
  conversion.addCalendar({
    apiVersion: 'cronmesh.io/v1alpha1',
    kind: 'Calendar',
    metadata: { name, ...(options.namespace !== undefined && { namespace: options.namespace }) },
    spec: { ...(timeZone !== undefined && { timeZone }), weekly: [{ days }] },
  });
  return { schedule: expression, calendars: { require: [name] } };
}

/** `max_children` jobs at once at most; with `queue` the others wait. */
function concurrencyOf({ max_children, queue, queue_max }: Fields, tell: Tell) {
  const most = Number(max_children ?? 0);
  if (isOn(queue)) {
    if (most > 1) tell(`max_children ${most} with a queue becomes one at a time: concurrencyPolicy Queue`);
    const waiting = Number(queue_max ?? 0);
    return { concurrencyPolicy: 'Queue' as const, ...(waiting > 0 && { maxQueuedRuns: Math.min(1_000, waiting) }) };
  }
  if (most === 1) return { concurrencyPolicy: 'Forbid' as const };
  return most > 1 ? { maxConcurrentRuns: Math.min(1_000, most) } : {};
}

function afterOf(event: Fields, { events, names }: Context): NonNullable<Spec['after']> {
  return events.flatMap(one => {
    const job = names.get(String(one.id)) ?? '';
    const [success, failure] = [one.chain === event.id, one.chain_error === event.id];
    if (!success && !failure) return [];
    const outcome = success && failure ? ('Always' as const) : success ? ('Success' as const) : ('Failure' as const);
    return [{ job, outcome }];
  });
}

/** A target is a group of servers or one of them: workers have to carry it as a label. */
function placementOf(event: Fields, { hosts, tell }: Context): Spec['placement'] {
  const target = textOf(event.target);
  const all = isOn(event.multiplex);
  if (target === undefined || target === 'allgrp') return all ? { mode: 'All' } : undefined;
  const label = hosts.has(target) || target.includes('.') ? 'host' : 'group';
  tell(`the target ${target} becomes placement.selector ${label}: ${target}: give its workers that label`);
  return { selector: { matchLabels: { [label]: target } }, ...(all && { mode: 'All' as const }) };
}

function executorOf(event: Fields, tell: Tell): { readonly executor: Executor } {
  const params = isMapping(event.params) ? event.params : {};
  if (event.plugin === 'shellplug') {
    tellUnknown(params, new Set(['script', 'annotate', 'json']), tell, 'params.');
    if (isOn(params.json)) tell('params.json (progress as JSON lines) is not read: print ::progress lines');
    const script = String(params.script ?? '');
    const interpreter = /^#!\s*(\S+)[^\S\n]*\n/.exec(script)?.[1];
    return { executor: { shell: { script, ...(interpreter !== undefined && { interpreter }) } } };
  }
  if (event.plugin === 'urlplug') return { executor: { http: httpOf(params, tell) } };
  throw new NotConvertible(
    `there is no plugin ${JSON.stringify(event.plugin)} here: shellplug and urlplug are converted; write its command as executor.shell`,
  );
}

function httpOf(params: Fields, tell: Tell): NonNullable<Executor['http']> {
  const fields = ['method', 'url', 'headers', 'data', 'success_match', 'error_match', 'follow', 'ssl_cert_bypass'];
  tellUnknown(params, new Set([...fields, 'timeout']), tell, 'params.');
  if (isOn(params.ssl_cert_bypass)) tell('params.ssl_cert_bypass is not carried over: certificates are checked');
  if (textOf(params.timeout) !== undefined) tell("params.timeout is not carried over: the event's own timeout holds");
  const method = (textOf(params.method) ?? 'GET').toUpperCase();
  const [url, headers, body] = [params.url, params.headers, params.data].map(one => textOf(one) ?? '');
  if (/\[[a-z_/]+\]/i.test(`${url}${headers}${body}`)) {
    tell('[placeholders] are not replaced here: $(CRONMESH_TICK) and the like are, see docs/migrating/cronicle.md');
  }
  const pairs = (headers ?? '').split(/\r?\n/).flatMap(line => {
    const [, name, value] = /^([^:]+):\s*(.+)$/.exec(line.trim()) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
  const matches = matchOf(textOf(params.success_match), textOf(params.error_match));
  return {
    url: url ?? '',
    method: method as 'GET',
    ...(pairs.length > 0 && { headers: Object.fromEntries(pairs) }),
    ...(method === 'POST' && body !== '' && { body }),
    expectedStatus: ['2xx', '3xx'],
    ...(matches !== undefined && { expectedBody: { matches } }),
    ...(isOn(params.follow) && { maxRedirects: 20 }),
  };
}

/** Both are expressions of JavaScript; the second must not be found. */
function matchOf(success: string | undefined, error: string | undefined): string | undefined {
  return error === undefined ? success : `^(?![^]*(?:${error}))[^]*(?:${success ?? ''})`;
}

const isOn = (value: unknown): boolean => value === true || value === 1 || value === '1';
const isOff = (value: unknown): boolean => value === false || value === 0 || value === '0';
const titleOf = (event: Fields): string => String(event.title ?? event.id ?? 'unnamed');

/** A line of an export that holds a page of a list. */
const listPage = (list: string): RegExp => new RegExp(`^global/${list}/-?\\d+ - (\\{.*\\})$`, 'gm');

function itemsOf(content: string, list: string): Fields[] {
  return [...content.matchAll(listPage(list))].flatMap(([, json = '{}']) => {
    const { items } = JSON.parse(json) as { items?: unknown };
    return Array.isArray(items) ? items.filter(isMapping) : [];
  });
}

function hostsOf(content: string): ReadonlySet<string> {
  return new Set(itemsOf(content, 'servers').map(({ hostname }) => String(hostname)));
}

/** @throws NotConvertible where it is none of the forms */
function eventsOf(content: string, name: string): Fields[] {
  if (content.startsWith('# Cronicle Data Export')) return itemsOf(content, 'schedule');
  let given: unknown;
  try {
    given = JSON.parse(content);
  } catch {
    throw new NotConvertible(`${name} is neither an export of Cronicle nor JSON`);
  }
  const rows = isMapping(given) && Array.isArray(given.rows) ? given.rows : given;
  if (Array.isArray(rows)) return rows.filter(isMapping);
  throw new NotConvertible(`${name} holds no events: a list, or an object with rows, is expected`);
}
