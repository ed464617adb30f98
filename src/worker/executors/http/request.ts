import { expand } from '../../../domain/expand.ts';
import type { HttpExecutorSpec } from '../../../domain/job/spec.ts';
import { expandUrl } from './template.ts';

/** One request of an attempt: the first, or the next hop of a redirect. */
export interface Hop {
  readonly url: URL;
  readonly method: HttpExecutorSpec['method'];
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The headers, and whether the body, that hold values of `secretRefs`: they are for the job's own server alone. */
  readonly secret: { readonly headers: ReadonlySet<string>; readonly body: boolean };
}

type Values = Readonly<Record<string, string>>;

/** The header that says where an asynchronous request is answered. */
export const callbackHeader = 'cronmesh-callback-url';

/**
 * The request as the job says, with the run's variables (`CRONMESH_…`, `TRACEPARENT`) as headers, and in place of
 * `$(NAME)` in path, query, headers and body.
 *
 * @param asked variables asked for with the run: in place of `$(NAME)` as the run's own, but no headers
 * @param secrets more values for `$(NAME)` in headers and body, never in the url
 * @param callbackUrl where the server may answer later
 * @throws when a header would get a value that none can hold, or the path would become another
 */
export function firstHop(
  spec: HttpExecutorSpec,
  env: Values,
  secrets: Values = {},
  { callbackUrl, asked = {} }: { readonly callbackUrl?: string | undefined; readonly asked?: Values } = {},
): Hop {
  const runs = Object.fromEntries(Object.entries(env).filter(([name]) => isRuns(name)));
  const own = { ...asked, ...runs };
  const url = expandUrl(new URL(spec.url), own);
  const headers: Record<string, string> = { 'user-agent': 'cronmesh', accept: '*/*' };
  if (url.username !== '') {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    // They are in the header from here on, and must not appear in the log.
    url.username = '';
    url.password = '';
  }
  // The run's own are the stronger ones, as in a process's environment.
  const values = { ...secrets, ...own };
  const isSecret = (name: string): boolean => Object.hasOwn(secrets, name) && !Object.hasOwn(own, name);
  const secretHeaders = new Set<string>();
  for (const [name, value] of Object.entries(spec.headers)) {
    const { text, used } = expand(value, values);
    if (used.some(isSecret)) secretHeaders.add(name.toLowerCase());
    // Checked here: the library's own error might show it.
    if (used.length > 0 && !isHeaderValue(text)) {
      throw new Error(`header ${name} cannot hold the value of ${used.join(', ')}: it has a line break or the like`);
    }
    headers[name.toLowerCase()] = text;
  }
  for (const [name, value] of Object.entries(runs)) headers[name.toLowerCase().replaceAll('_', '-')] = value;
  if (callbackUrl !== undefined) headers[callbackHeader] = callbackUrl;
  const body = spec.body === undefined ? undefined : expand(spec.body, values);
  return {
    url,
    method: spec.method,
    headers,
    ...(body !== undefined && { body: body.text }),
    secret: { headers: secretHeaders, body: body?.used.some(isSecret) ?? false },
  };
}

/** Of the run's variables those that say which run it is: they go along, and may be named anywhere. */
const isRuns = (name: string): boolean => name.startsWith('CRONMESH_') || name === 'TRACEPARENT';

/** Visible characters, spaces and tabs; up to U+00FF, which is what the wire can carry. */
const isHeaderValue = (text: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(text);

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Where an answer sends on; undefined when it does not. @throws when its Location is no http or https URL */
export function redirectTarget(from: URL, status: number, location: string | undefined): URL | undefined {
  if (!redirects.has(status) || location === undefined) return undefined;
  const target = URL.parse(location, from.href);
  if (!target || !/^https?:$/.test(target.protocol)) {
    throw new Error(`the server redirects to ${JSON.stringify(location)}, which is no http or https URL`);
  }
  target.username = '';
  target.password = '';
  return target;
}

const secrets = ['authorization', 'cookie', 'proxy-authorization', callbackHeader];
const aboutBody = ['content-type', 'content-length', 'content-encoding', 'content-language', 'content-location'];

/**
 * The request after a redirect, as browsers make it: 303 is fetched with GET, and so is a POST that got 301 or 302;
 * credentials do not follow to another origin, nor does a `Host` that the job set.
 *
 * @throws when a body that holds values of `secretRefs` would go to another origin
 */
export function nextHop(hop: Hop, status: number, target: URL): Hop {
  const becomesGet = status === 303 ? hop.method !== 'HEAD' : status < 303 && hop.method === 'POST';
  const elsewhere = target.origin !== hop.url.origin;
  if (elsewhere && !becomesGet && hop.secret.body) {
    throw new Error(
      `the server redirects to ${target.origin}, which must not get the body: it holds values of secretRefs`,
    );
  }
  const dropped = new Set([
    ...(becomesGet ? aboutBody : []),
    ...(elsewhere ? [...secrets, 'host', ...hop.secret.headers] : []),
  ]);
  const headers = Object.fromEntries(Object.entries(hop.headers).filter(([name]) => !dropped.has(name)));
  if (becomesGet) return { url: target, method: 'GET', headers, secret: { ...hop.secret, body: false } };
  return { ...hop, url: target, headers };
}
