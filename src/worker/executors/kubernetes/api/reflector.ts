import type { Readable } from 'node:stream';
import { pause } from '../../../../coordination/pause.ts';
import { backoffDelay, defaultBackoff } from '../../../../domain/backoff.ts';
import type { Milliseconds } from '../../../../domain/time.ts';
import type { KubernetesApi } from './api.ts';
import { ApiError, answerError } from './errors.ts';
import type { KubernetesObject, List } from './objects.ts';

export interface ReflectorHandler<T> {
  /** All there is, as of a read that began at `since` (`performance.now()`): what is missing was gone then. */
  listed(items: readonly T[], since: number): void;
  changed(object: T): void;
  deleted(object: T): void;
  /** A read or the watch failed; `attempt` counts from 0 since the last success. */
  failed(error: unknown, attempt: number): void;
}

export interface ReflectorOptions {
  readonly path: string;
  readonly selector: string;
  /** Everything is read anew this often, whatever the watch says. Default 5 minutes. */
  readonly relist?: Milliseconds;
  /** A watch asks to be ended after this time, give or take a quarter. Default 60 s. */
  readonly watchFor?: Milliseconds;
}

/** Objects of one answer of a list. */
const pageSize = 500;
/** A watch that is silent this long after it should have ended has lost its connection. */
const silenceMargin: Milliseconds = 15_000;

type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: T }
  | { readonly type: 'ERROR'; readonly object: { readonly code?: number } };

/**
 * Follows the objects of one kind in a namespace: a list, then a watch from where the list ended, again and again until
 * the signal is aborted. Keeps nothing but its place. Any failure leads to a new list, after a backoff: so do a place
 * that the server has forgotten (410), a cut connection, a refused token and a restart of the server.
 */
export async function reflect<T extends KubernetesObject>(
  api: KubernetesApi,
  options: ReflectorOptions,
  handler: ReflectorHandler<T>,
  signal: AbortSignal,
): Promise<void> {
  const { relist = 300_000 } = options;
  let attempt = 0;
  while (!signal.aborted) {
    try {
      let place = await list(api, options, handler, signal);
      const until = performance.now() + relist;
      while (!signal.aborted && performance.now() < until) {
        const began = performance.now();
        place = await watch(api, options, handler, place, signal);
        // A server that ends each watch at once is not asked without pause.
        if (performance.now() - began > 1_000) attempt = 0;
        else await pause(backoffDelay(defaultBackoff, attempt++, Math.random()), signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      handler.failed(error, attempt);
      const asked = error instanceof ApiError ? error.retryAfter : undefined;
      await pause(Math.max(asked ?? 0, backoffDelay(defaultBackoff, attempt++, Math.random())), signal);
    }
  }
}

/** @returns where a watch goes on */
async function list<T extends KubernetesObject>(
  api: KubernetesApi,
  { path, selector }: ReflectorOptions,
  handler: ReflectorHandler<T>,
  signal: AbortSignal,
): Promise<string> {
  const since = performance.now();
  const items: T[] = [];
  let place = '';
  for (let next: string | undefined; ; ) {
    const page: List<T> = await api.call('GET', path, {
      query: { labelSelector: selector, limit: pageSize, continue: next },
      signal,
      timeout: 30_000,
    });
    items.push(...page.items);
    place = page.metadata.resourceVersion ?? '';
    next = page.metadata.continue;
    if (next === undefined || next === '') break;
  }
  handler.listed(items, since);
  return place;
}

/** Ends when the server ends it. @returns where the next one goes on @throws ApiError */
async function watch<T extends KubernetesObject>(
  api: KubernetesApi,
  { path, selector, watchFor = 60_000 }: ReflectorOptions,
  handler: ReflectorHandler<T>,
  from: string,
  signal: AbortSignal,
): Promise<string> {
  const timeout = watchFor * (0.75 + Math.random() / 2);
  const query = {
    watch: true,
    allowWatchBookmarks: true,
    labelSelector: selector,
    resourceVersion: from,
    timeoutSeconds: Math.ceil(timeout / 1_000),
  };
  const body = await api.stream(path, { query, signal, silence: timeout + silenceMargin });
  let place = from;
  for await (const line of linesOf(body)) {
    const event = JSON.parse(line) as WatchEvent<T>;
    if (event.type === 'ERROR') throw answerError(event.object.code ?? 500, line, undefined);
    place = event.object.metadata.resourceVersion ?? place;
    if (event.type === 'DELETED') handler.deleted(event.object);
    else if (event.type !== 'BOOKMARK') handler.changed(event.object);
  }
  return place;
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const piece of stream) {
    const lines = `${rest}${piece}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield line;
  }
}
