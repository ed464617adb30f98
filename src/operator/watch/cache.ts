import { isDeepStrictEqual } from 'node:util';
import type { JobKey } from '../../domain/job/job.ts';
import type { WatchEvent } from '../kubernetes/cronjobs.ts';
import { type CronJobResource, resourceKey } from '../resource.ts';

/** The resources as they were last seen. Tells which were made, changed or went; a change of status alone is none. */
export class ResourceCache {
  readonly #resources = new Map<JobKey, CronJobResource>();
  readonly #onChange: (key: JobKey) => void;

  constructor(onChange: (key: JobKey) => void) {
    this.#onChange = onChange;
  }

  get(key: JobKey): CronJobResource | undefined {
    return this.#resources.get(key);
  }

  keys(): readonly JobKey[] {
    return [...this.#resources.keys()];
  }

  values(): IterableIterator<CronJobResource> {
    return this.#resources.values();
  }

  apply({ type, resource }: WatchEvent): void {
    if (type === 'changed') this.put(resource);
    else if (type === 'deleted') this.#drop(resourceKey(resource));
  }

  /** Takes a resource as it is now, unless it is older than what is known. */
  put(resource: CronJobResource): void {
    const key = resourceKey(resource);
    const before = this.#resources.get(key);
    if (before !== undefined && isOlder(resource, before)) return;
    this.#resources.set(key, resource);
    if (before === undefined || !isSame(before, resource)) this.#onChange(key);
  }

  /** As `put`, for the answer to a write of one's own: a resource that went meanwhile stays away. */
  refresh(resource: CronJobResource): void {
    const before = this.#resources.get(resourceKey(resource));
    if (before?.metadata.uid === resource.metadata.uid) this.put(resource);
  }

  /** Takes a whole list: what it lacks of the namespace (undefined: of all) is gone. */
  replace(namespace: string | undefined, items: readonly CronJobResource[]): void {
    const listed = new Set(items.map(resourceKey));
    for (const [key, { metadata }] of this.#resources) {
      if ((namespace === undefined || metadata.namespace === namespace) && !listed.has(key)) this.#drop(key);
    }
    for (const item of items) this.put(item);
  }

  #drop(key: JobKey): void {
    if (this.#resources.delete(key)) this.#onChange(key);
  }
}

/** Versions of one resource are ordered as numbers (guaranteed since Kubernetes 1.35, and so with etcd before). */
function isOlder(resource: CronJobResource, than: CronJobResource): boolean {
  if (resource.metadata.uid !== than.metadata.uid) return false;
  const [version, known] = [resource.metadata.resourceVersion, than.metadata.resourceVersion];
  return /^\d+$/.test(version) && /^\d+$/.test(known) && BigInt(version) < BigInt(known);
}

function isSame(one: CronJobResource, other: CronJobResource): boolean {
  const [a, b] = [one.metadata, other.metadata];
  return (
    a.uid === b.uid &&
    a.generation === b.generation &&
    a.deletionTimestamp === b.deletionTimestamp &&
    isDeepStrictEqual(a.finalizers, b.finalizers) &&
    isDeepStrictEqual(a.labels, b.labels) &&
    isDeepStrictEqual(a.annotations, b.annotations) &&
    // A definition without a status subresource, or another storage, may not count generations.
    isDeepStrictEqual(one.spec, other.spec)
  );
}
