import type { Milliseconds } from '../../domain/time.ts';
import type { CronJobResource, ResourceRef } from '../resource.ts';
import type { KubernetesConnection } from './connection.ts';
import { KubernetesError } from './error.ts';

/** Something happened to a resource, or `bookmark`: nothing did up to this version. */
export interface WatchEvent {
  readonly type: 'changed' | 'deleted' | 'bookmark';
  readonly resource: CronJobResource;
}

const groupVersion = '/apis/cronmesh.io/v1alpha1';
/** Resources in one answer: each may have some hundred kilobytes. */
const pageSize = 250;
const listTimeout: Milliseconds = 60_000;
/** The server ends a watch after this, and the next one goes on: a connection that died unseen costs no more. */
const watchSeconds = 30;
const watchSilence: Milliseconds = (watchSeconds + 10) * 1_000;

/** CronJob resources in the Kubernetes API. Every method throws KubernetesError. */
export class CronJobApi {
  readonly #connection: KubernetesConnection;

  constructor(connection: KubernetesConnection) {
    this.#connection = connection;
  }

  /** All of a namespace, or of the cluster, and the version from which to watch. */
  async list(
    namespace: string | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly items: readonly CronJobResource[]; readonly resourceVersion: string }> {
    const items: CronJobResource[] = [];
    let next: string | undefined;
    for (;;) {
      const page: ResourceList = await this.#connection.request('GET', path(namespace), {
        query: { limit: pageSize, continue: next },
        signal,
        timeout: listTimeout,
      });
      items.push(...page.items.map(slim));
      next = page.metadata.continue;
      if (!next) return { items, resourceVersion: page.metadata.resourceVersion };
    }
  }

  /** Tells of changes after a version until the server ends it, which it does after half a minute. */
  async watch(
    namespace: string | undefined,
    resourceVersion: string,
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const query = { watch: true, resourceVersion, allowWatchBookmarks: true, timeoutSeconds: watchSeconds };
    await this.#connection.stream(path(namespace), { query, silence: watchSilence, signal }, line => {
      const { type, object } = line as { type: string; object: CronJobResource & { code?: number; message?: string } };
      if (type === 'ERROR') {
        throw new KubernetesError(
          `the watch of CronJob resources ended: ${object.message}`,
          object.code === undefined ? {} : { status: object.code },
        );
      }
      const meaning = eventTypes[type];
      if (meaning !== undefined) onEvent({ type: meaning, resource: slim(object) });
    });
  }

  /** Undefined where there is none. */
  async get(ref: ResourceRef): Promise<CronJobResource | undefined> {
    try {
      return slim(await this.#connection.request('GET', path(ref.namespace, ref.name)));
    } catch (error) {
      if (error instanceof KubernetesError && error.notFound) return undefined;
      throw error;
    }
  }

  /**
   * Replaces the finalizers of this very version, and sets annotations (null removes one): refused with a conflict
   * where it has changed since.
   */
  async setFinalizers(
    resource: CronJobResource,
    finalizers: readonly string[],
    annotations: Readonly<Record<string, string | null>> = {},
  ): Promise<CronJobResource> {
    const { namespace, name, uid, resourceVersion } = resource.metadata;
    const body = { metadata: { uid, resourceVersion, finalizers, annotations } };
    return await this.#patch(path(namespace, name), body);
  }

  /** Merges into the status of this very resource, whatever its version; null removes. */
  async patchStatus(resource: CronJobResource, status: Readonly<Record<string, unknown>>): Promise<CronJobResource> {
    const { namespace, name, uid } = resource.metadata;
    return await this.#patch(`${path(namespace, name)}/status`, { metadata: { uid }, status });
  }

  async #patch(to: string, body: unknown): Promise<CronJobResource> {
    return slim(await this.#connection.request('PATCH', to, { body, type: 'application/merge-patch+json' }));
  }
}

interface ResourceList {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly CronJobResource[];
}

const eventTypes: Readonly<Record<string, WatchEvent['type']>> = {
  ADDED: 'changed',
  MODIFIED: 'changed',
  DELETED: 'deleted',
  BOOKMARK: 'bookmark',
};

function path(namespace: string | undefined, name?: string): string {
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${groupVersion}${within}/cronjobs${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

/** Without the bookkeeping of fields, which is often the larger half. */
function slim(resource: CronJobResource & { metadata: { managedFields?: unknown } }): CronJobResource {
  const { managedFields: _, ...metadata } = resource.metadata;
  return { ...resource, metadata };
}
