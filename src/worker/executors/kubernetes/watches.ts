import type { Milliseconds } from '../../../domain/time.ts';
import { type AttemptId, attemptKey } from '../../supervisor/attempt.ts';
import type { KubernetesApi } from './api/api.ts';
import { oneLine } from './api/errors.ts';
import type { Job, KubernetesObject, Pod } from './api/objects.ts';
import { type ReflectorHandler, reflect } from './api/reflector.ts';
import { jobsPath, labelKeys, managedSelector, podsPath } from './names.ts';
import { AttemptView } from './view.ts';

export interface WatchesOptions {
  /** A namespace is watched on for this long after its last run: the next one is often near. Default 60 s. */
  readonly linger?: Milliseconds;
}

/** What one attempt sees of its Job and pods, until it is closed. */
export interface Subscription {
  readonly view: AttemptView;
  close(): void;
}

/** The watches of all attempts: one of Jobs and one of pods for each namespace, however many run there. */
export class Watches {
  readonly #api: KubernetesApi;
  readonly #linger: Milliseconds;
  readonly #namespaces = new Map<string, NamespaceWatch>();

  constructor(api: KubernetesApi, options: WatchesOptions = {}) {
    this.#api = api;
    this.#linger = options.linger ?? 60_000;
  }

  /** To be called before the Job is made: then nothing of it is missed. */
  subscribe(namespace: string, attempt: AttemptId): Subscription {
    let watch = this.#namespaces.get(namespace);
    if (!watch) {
      watch = new NamespaceWatch(this.#api, namespace, this.#linger, () => this.#namespaces.delete(namespace));
      this.#namespaces.set(namespace, watch);
    }
    return watch.subscribe(attemptKey(attempt));
  }

  /** Namespaces that are being watched. */
  get namespaces(): readonly string[] {
    return [...this.#namespaces.keys()];
  }
}

/** Failures in a row after which the runs are told. */
const troubleAfter = 3;

class NamespaceWatch {
  readonly #views = new Map<string, AttemptView>();
  readonly #abort = new AbortController();
  readonly #linger: Milliseconds;
  readonly #onEnd: () => void;
  #idle: NodeJS.Timeout | undefined;

  constructor(api: KubernetesApi, namespace: string, linger: Milliseconds, onEnd: () => void) {
    this.#linger = linger;
    this.#onEnd = onEnd;
    const { signal } = this.#abort;
    const selector = managedSelector;
    void reflect<Job>(api, { path: jobsPath(namespace), selector }, this.#jobs(), signal);
    void reflect<Pod>(api, { path: podsPath(namespace), selector }, this.#pods(), signal);
  }

  subscribe(key: string): Subscription {
    clearTimeout(this.#idle);
    const view = new AttemptView();
    this.#views.set(key, view);
    return {
      view,
      close: () => {
        if (this.#views.get(key) === view) this.#views.delete(key);
        if (this.#views.size === 0) this.#end();
      },
    };
  }

  #end(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      this.#abort.abort();
      this.#onEnd();
    }, this.#linger);
    this.#idle.unref();
  }

  #jobs(): ReflectorHandler<Job> {
    return {
      listed: (jobs, since) => {
        const byKey = new Map(jobs.map(job => [keyOf(job), job]));
        for (const [key, view] of this.#views) {
          const job = byKey.get(key);
          view.clearTrouble('Jobs');
          if (job) view.setJob(job);
          else view.missingJob(since);
        }
      },
      changed: job => this.#views.get(keyOf(job))?.setJob(job),
      deleted: job => this.#views.get(keyOf(job))?.deleteJob(job),
      failed: (error, attempt) => this.#failed('Jobs', error, attempt),
    };
  }

  #pods(): ReflectorHandler<Pod> {
    return {
      listed: (pods, since) => {
        const byKey = Map.groupBy(pods, keyOf);
        for (const [key, view] of this.#views) {
          view.clearTrouble('pods');
          view.replacePods(byKey.get(key) ?? [], since);
        }
      },
      changed: pod => this.#views.get(keyOf(pod))?.setPod(pod),
      deleted: pod => this.#views.get(keyOf(pod))?.deletePod(pod),
      failed: (error, attempt) => this.#failed('pods', error, attempt),
    };
  }

  #failed(what: 'Jobs' | 'pods', error: unknown, attempt: number): void {
    if (attempt + 1 < troubleAfter) return;
    for (const view of this.#views.values()) view.setTrouble(what, `${what} cannot be watched: ${oneLine(error)}`);
  }
}

/** The attempt that an object belongs to, by its labels: those of both Jobs and pods. */
function keyOf({ metadata: { labels } }: KubernetesObject): string {
  return `${labels?.[labelKeys.run]}#${labels?.[labelKeys.attempt]}`;
}
