import { type JobKey, jobKey } from '../domain/job/job.ts';
import type { Instant } from '../domain/time.ts';
import type { CronJobStatus } from './status/types.ts';

/** Where a resource is, and so its job. */
export interface ResourceRef {
  readonly namespace: string;
  readonly name: string;
}

/** A CronJob resource as the Kubernetes API gives it: what the operator reads of it. */
export interface CronJobResource {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    /** Grows with every change of the spec. */
    readonly generation: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
    /** It is being deleted since then: it goes when its finalizers are gone. */
    readonly deletionTimestamp?: string;
  };
  readonly spec?: unknown;
  readonly status?: CronJobStatus;
}

export const apiVersion = 'cronmesh.io/v1alpha1';
export const kind = 'CronJob';

/** Keeps a resource until its job is deleted. */
export const finalizer = 'cronmesh.io/job';

/**
 * On a resource: the uid of a cluster that is gone, whose job of this name is to be taken over. Where the operator's
 * own namespace was made anew, its former uid.
 */
export const adoptAnnotation = 'cronmesh.io/adopt-from';

/**
 * On a resource: when `--release-finalizers` took the finalizer off. Operators that ran then leave it off; one that
 * starts later puts it back.
 */
export const releasedAnnotation = 'cronmesh.io/finalizer-released';

export function resourceKey(resource: CronJobResource): JobKey {
  return jobKey(resource.metadata);
}

export function hasFinalizer(resource: CronJobResource): boolean {
  return resource.metadata.finalizers?.includes(finalizer) ?? false;
}

/** The finalizers without the operator's own. */
export function otherFinalizers(resource: CronJobResource): readonly string[] {
  return (resource.metadata.finalizers ?? []).filter(one => one !== finalizer);
}

/** Whether the finalizer was taken off for good, as an operator that started at `startedAt` sees it. */
export function isReleased(resource: CronJobResource, startedAt: Instant): boolean {
  const at = Date.parse(resource.metadata.annotations?.[releasedAnnotation] ?? '');
  return !Number.isNaN(at) && at >= startedAt;
}
