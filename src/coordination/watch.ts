import { type BackoffPolicy, backoffDelay, defaultBackoff } from '../domain/backoff.ts';
import type { Milliseconds } from '../domain/time.ts';
import type { BlockingOptions, Coordinator, Entry, Index, Indexed, ServiceInstance } from './coordinator.ts';
import { pause } from './pause.ts';

/** What comes with a value. */
export interface WatchMeta {
  readonly index: Index;
  /**
   * The store may have lost its past since the last report: the index went back, or a blocked read woke early with an
   * unchanged one (a restore). A prefix can say so without cause, when Consul forgets old deletions below it.
   */
  readonly reset: boolean;
}

export interface WatchOptions<T> {
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /**
   * Gets the newest value: at once, then after each change (changes that follow one another may come as one). The next
   * read waits for it. When it throws, `onError` is told and the value is read and reported again after a backoff.
   */
  onChange(value: T, meta: WatchMeta): void | Promise<void>;
  /** Each failed read; `attempt` counts from 0 since the last good one. */
  onError?(error: unknown, attempt: number): void;
  /** Least time between the starts of two reads: a busy key costs no more than this. Default 50 ms. */
  readonly spacing?: Milliseconds;
  /**
   * How long one read blocks. Default 10 s: a restore that happens just between two reads shows only at the end of the
   * next one, because Consul blocks on an index that it has not reached.
   */
  readonly wait?: Milliseconds;
  /** Between failed reads. */
  readonly backoff?: BackoffPolicy;
}

/** Follows one key. Resolves when the signal is aborted; never rejects. */
export function watchKey(
  coordinator: Pick<Coordinator, 'block'>,
  key: string,
  options: WatchOptions<Entry | undefined>,
): Promise<void> {
  return watch(blocking => coordinator.block(key, blocking), options);
}

/** Follows all entries below a prefix: for small ones. */
export function watchList(
  coordinator: Pick<Coordinator, 'blockList'>,
  prefix: string,
  options: WatchOptions<readonly Entry[]>,
): Promise<void> {
  return watch(blocking => coordinator.blockList(prefix, blocking), options);
}

/** Follows the keys below a prefix; with `separator` it is told of any change below it, and gets the first level only. */
export function watchKeys(
  coordinator: Pick<Coordinator, 'blockKeys'>,
  prefix: string,
  options: WatchOptions<readonly string[]> & { readonly separator?: string },
): Promise<void> {
  const separator = options.separator === undefined ? {} : { separator: options.separator };
  return watch(blocking => coordinator.blockKeys(prefix, { ...blocking, ...separator }), options);
}

/** Follows the instances of a service and their checks. */
export function watchService(
  coordinator: Pick<Coordinator, 'blockService'>,
  service: string,
  options: WatchOptions<readonly ServiceInstance[]>,
): Promise<void> {
  return watch(blocking => coordinator.blockService(service, blocking), options);
}

/** An answer earlier than this part of the wait was woken by something. */
const early = 0.9;

async function watch<T>(
  read: (blocking: BlockingOptions) => Promise<Indexed<T>>,
  options: WatchOptions<T>,
): Promise<void> {
  const { signal, spacing = 50, wait = 10_000, backoff = defaultBackoff } = options;
  /** Of the last report; 0 before the first. */
  let seen: Index = 0;
  /** To block on; 0 asks for a plain read. */
  let index: Index = 0;
  let reset = false;
  let attempt = 0;
  while (!signal.aborted) {
    const sent = performance.now();
    try {
      const result = await read({ index, wait, signal });
      if (index > 0 && wentBack(result.index, index, performance.now() - sent < wait * early)) {
        reset = true;
        index = 0;
      } else if (index === 0 || result.index > index) {
        reset ||= result.index < seen;
        await options.onChange(result.value, { index: result.index, reset });
        seen = result.index;
        index = result.index;
        reset = false;
      }
      attempt = 0;
      await pause(sent + spacing - performance.now(), signal);
    } catch (error) {
      if (signal.aborted) return;
      options.onError?.(error, attempt);
      // What happened meanwhile is not known: the next read is a plain one.
      index = 0;
      await pause(backoffDelay(backoff, attempt++, Math.random()), signal);
    }
  }
}

function wentBack(now: Index, asked: Index, woken: boolean): boolean {
  return now < asked || (now === asked && woken);
}
