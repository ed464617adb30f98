import { pause } from '../../coordination/pause.ts';
import { type BackoffPolicy, backoffDelay } from '../../domain/backoff.ts';
import type { Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { CronJobApi } from '../kubernetes/cronjobs.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import type { ResourceCache } from './cache.ts';

export interface FollowerOptions {
  readonly api: Pick<CronJobApi, 'list' | 'watch'>;
  /** Undefined: the whole cluster. */
  readonly namespace: string | undefined;
  readonly cache: ResourceCache;
  readonly logger: Logger;
  /** Called when a watch broke, with why. */
  readonly onRestart: (why: 'gone' | 'error') => void;
  /** Default 0.2 s doubling to 10 s. */
  readonly backoff?: BackoffPolicy;
}

const defaultBackoff: BackoffPolicy = { initial: 200, maximum: 10_000, factor: 2 };
/** A watch that broke so often in a row is begun anew with a list: its version may be what is wrong. */
const failuresBeforeList = 5;
/** One that ends in order before this is waited for: a server may end each at once. */
const shortest: Milliseconds = 1_000;

/**
 * Keeps the cache true of one namespace, or of the cluster: a list, then watches from its version on. A watch that
 * breaks goes on from the last version seen, with jittered backoff; one whose version is gone (410) begins with a list.
 */
export class ResourceFollower {
  readonly #options: FollowerOptions;
  readonly #synced = Promise.withResolvers<void>();
  #version: string | undefined;
  #failures = 0;
  /** Ends the watch that goes on. */
  #session = new AbortController();
  /** Who waits for the next list. */
  #waiters: PromiseWithResolvers<void>[] = [];
  #problem: string | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** Resolves after the first list. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Why it does not follow now. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Lists anew; resolves when the cache has it. Rejects when the follower stops. */
  async relist(): Promise<void> {
    const waiter = Promise.withResolvers<void>();
    this.#waiters.push(waiter);
    this.#session.abort();
    await waiter.promise;
  }

  /** Resolves once the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#session = new AbortController();
      try {
        if (this.#version === undefined || this.#waiters.length > 0) await this.#list(signal);
        await this.#watch(AbortSignal.any([signal, this.#session.signal]));
      } catch (error) {
        if (signal.aborted) break;
        if (!this.#session.signal.aborted) await this.#failed(error as Error, signal);
      }
    }
    for (const waiter of this.#waiters.splice(0)) waiter.reject(new Error('the operator stops'));
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { api, namespace, cache } = this.#options;
    const waiters = [...this.#waiters];
    const { items, resourceVersion } = await api.list(namespace, signal);
    cache.replace(namespace, items);
    this.#version = resourceVersion;
    this.#wentWell();
    this.#waiters = this.#waiters.filter(waiter => !waiters.includes(waiter));
    for (const waiter of waiters) waiter.resolve();
    this.#synced.resolve();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { api, namespace, cache } = this.#options;
    const version = this.#version;
    if (version === undefined || this.#waiters.length > 0) return;
    const began = Date.now();
    await api.watch(
      namespace,
      version,
      event => {
        this.#wentWell();
        this.#version = event.resource.metadata.resourceVersion;
        if (event.type !== 'bookmark') cache.apply(event);
      },
      signal,
    );
    this.#wentWell();
    await pause(shortest - (Date.now() - began), signal);
  }

  async #failed(error: Error, signal: AbortSignal): Promise<void> {
    const { logger, onRestart, namespace, backoff = defaultBackoff } = this.#options;
    const gone = error instanceof KubernetesError && error.gone;
    onRestart(gone ? 'gone' : 'error');
    const wait = backoffDelay(backoff, this.#failures++, Math.random());
    if (gone || this.#failures % failuresBeforeList === 0) this.#version = undefined;
    if (!gone) this.#problem = error.message;
    const level = this.#failures === 1 || gone ? 'info' : 'warn';
    logger[level]({ namespace, reason: error.message, wait, gone }, 'the watch of CronJob resources begins again');
    await pause(wait, AbortSignal.any([signal, this.#session.signal]));
  }

  #wentWell(): void {
    this.#failures = 0;
    this.#problem = undefined;
  }
}
