import { type Job, jobKey } from '../../domain/job/job.ts';
import { type ResourceOrigin, resourceOf } from '../../domain/job/resource.ts';
import { adoptAnnotation, type CronJobResource } from '../resource.ts';

/** Whose a job is, as a resource of the same name sees it. */
export type Ownership =
  /** There is no job. */
  | { readonly kind: 'free' }
  | { readonly kind: 'ours'; readonly job: Job }
  /** Of a resource that is gone: its job is deleted, and nothing of it goes on. */
  | { readonly kind: 'former'; readonly job: Job }
  /** Of somebody else; the message says whose, and what to do. */
  | { readonly kind: 'foreign'; readonly message: string };

/**
 * Decides whose a job is. A resource's uid is unique in the world, so the same one is ours whatever cluster the job
 * names (the operator's namespace was made anew). Another uid of the same cluster is a resource that is gone, since
 * names are unique in a cluster.
 */
export function ownership(job: Job | undefined, resource: CronJobResource, cluster: string): Ownership {
  if (job === undefined) return { kind: 'free' };
  if (job.source !== 'kubernetes') return { kind: 'foreign', message: otherSource(job) };
  const origin = resourceOf(job);
  if (origin?.uid === resource.metadata.uid) return { kind: 'ours', job };
  const adopted = resource.metadata.annotations?.[adoptAnnotation];
  if (origin === undefined || origin.cluster === cluster || origin.cluster === adopted) return { kind: 'former', job };
  return { kind: 'foreign', message: otherCluster(job, origin) };
}

function otherSource(job: Job): string {
  const made = { api: 'through the API or command line', consul: 'in Consul by hand', seed: 'as an example' };
  const by = made[job.source as keyof typeof made] ?? `by ${job.source}`;
  return (
    `there is a job ${jobKey(job)} already, made ${by} (uid ${job.uid}); delete it there ` +
    `(cronmesh delete ${jobKey(job)}) or rename this resource`
  );
}

function otherCluster(job: Job, origin: ResourceOrigin): string {
  return (
    `the job ${jobKey(job)} belongs to a resource of another cluster (${origin.cluster}, resource ${origin.uid}); ` +
    'delete that resource or rename this one; where that cluster is gone, take the job over with ' +
    `kubectl annotate mcj -n ${job.namespace} ${job.name} ${adoptAnnotation}=${origin.cluster}`
  );
}
