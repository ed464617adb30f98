import { pause } from '../../../coordination/pause.ts';
import { backoffDelay, defaultBackoff } from '../../../domain/backoff.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { StartRequest } from '../../supervisor/protocol.ts';
import type { KubernetesApi } from './api/api.ts';
import { ApiError, oneLine } from './api/errors.ts';
import { isFinished, isOver, type Job, type KubernetesObject, type List, type Pod } from './api/objects.ts';
import { jobNameOf, jobsPath, labelKeys, managedSelector, podsPath } from './names.ts';

/** Between two looks at the others: this costs two small reads. */
const lookEach: Milliseconds = 1_000;

export interface RoomOptions {
  readonly api: KubernetesApi;
  readonly request: StartRequest;
  readonly stop: AbortSignal;
  /** Called once, when there is no room, with what is waited for. */
  onWait(others: string): void;
}

/** `free`; or why the attempt may not start: `stopped` by the signal, with what it waited for last. */
export type Room =
  | { readonly kind: 'free' }
  | { readonly kind: 'stopped'; readonly others?: string }
  | { readonly kind: 'refused'; readonly message: string };

/**
 * Waits until fewer than `atOnce` other runs of the job live in Kubernetes. The lock keeps runs of living workers
 * apart; this is about those whose worker is gone, and whose Job, or pods, are not.
 */
export async function waitForRoom(options: RoomOptions): Promise<Room> {
  const { request, stop } = options;
  const { atOnce } = request;
  if (atOnce === undefined) return { kind: 'free' };
  let others: string | undefined;
  for (let failures = 0; ; ) {
    if (stop.aborted) return { kind: 'stopped', ...(others !== undefined && { others }) };
    try {
      const living = await livingOthers(options);
      if (living.length < atOnce) return { kind: 'free' };
      if (others === undefined) options.onWait(living.join(', '));
      others = living.join(', ');
      failures = 0;
      await pause(lookEach, stop);
    } catch (error) {
      if (!stop.aborted && error instanceof ApiError && !error.passing) {
        return { kind: 'refused', message: `other runs of the job cannot be looked for: ${oneLine(error)}` };
      }
      await pause(backoffDelay(defaultBackoff, failures++, Math.random()), stop);
    }
  }
}

/** The names of the other Jobs of the cron job that live, by themselves or in a pod that outlived them. */
async function livingOthers({ api, request, stop }: RoomOptions): Promise<readonly string[]> {
  const { namespace, uid } = request.job;
  const query = { labelSelector: `${managedSelector},${labelKeys.jobUid}=${uid}` };
  // Without a resource version this is the newest state, not a cache's.
  const [jobs, pods] = await Promise.all([
    api.call<List<Job>>('GET', jobsPath(namespace), { query, signal: stop }),
    api.call<List<Pod>>('GET', podsPath(namespace), { query, signal: stop }),
  ]);
  const names = [
    ...jobs.items.filter(job => !isFinished(job)).map(job => job.metadata.name),
    ...pods.items.filter(pod => !isOver(pod)).map(nameOfJob),
  ];
  const own = jobNameOf(request);
  return [...new Set(names)].filter(name => name !== own);
}

function nameOfJob({ metadata: { labels, name } }: KubernetesObject): string {
  return labels?.['batch.kubernetes.io/job-name'] ?? labels?.['job-name'] ?? name;
}
