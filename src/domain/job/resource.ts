import type { Job } from './job.ts';

/** Annotations of jobs that come from a CronJob resource: which resource, and of which cluster. Set by the operator alone. */
export const resourceUidAnnotation = 'cronmesh.io/resource-uid';
export const clusterAnnotation = 'cronmesh.io/cluster';

/** The CronJob resource that a job comes from: by the same name, in the namespace of the same name. */
export interface ResourceOrigin {
  readonly name: string;
  readonly uid: string;
  /** The uid of the operator's own namespace: clusters differ by it. */
  readonly cluster: string;
}

/** Undefined for a job of another source, whatever its annotations say. */
export function resourceOf(job: Pick<Job, 'name' | 'source' | 'annotations'>): ResourceOrigin | undefined {
  const uid = job.annotations[resourceUidAnnotation];
  if (job.source !== 'kubernetes' || uid === undefined) return undefined;
  return { name: job.name, uid, cluster: job.annotations[clusterAnnotation] ?? '' };
}
