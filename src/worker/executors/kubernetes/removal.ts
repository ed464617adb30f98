import { pause } from '../../../coordination/pause.ts';
import { backoffDelay, defaultBackoff } from '../../../domain/backoff.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { StartRequest } from '../../supervisor/protocol.ts';
import type { KubernetesApi } from './api/api.ts';
import { ApiError, isNotFound, oneLine } from './api/errors.ts';
import { isOver, type Job, type List, type Pod } from './api/objects.ts';
import { wholeSeconds } from './body.ts';
import { attemptSelector, jobNameOf, jobsPath, podsPath } from './names.ts';
import type { AttemptView } from './view.ts';

export interface RemovalOptions {
  readonly api: KubernetesApi;
  readonly request: StartRequest;
  readonly view: AttemptView;
  /** When the containers get KILL (`performance.now()`; infinite: as the template says). Asked again, since it may come forward. */
  readonly killAt: () => number;
  /** A line for people, when it does not go on. */
  readonly say: (line: string) => void;
}

/** Beyond the grace, after which people are told what is waited for. */
const slowAfter: Milliseconds = 30_000;
const never = new AbortController().signal;

/**
 * Deletes an attempt's Job and its pods, and resolves when both are gone; asks until the API server has taken it.
 * `finished` is asked between tries that were refused: true ends the effort, since nothing runs any more.
 */
export async function remove(options: RemovalOptions, finished: () => boolean): Promise<'removed' | 'finished'> {
  const { view, killAt, say } = options;
  let said = false;
  let jobGone = false;
  for (let failures = 0; ; ) {
    const changed = view.changed();
    try {
      jobGone ||= await deleteJob(options);
      const pods = await endPods(options);
      if (jobGone && pods.every(isOver)) return 'removed';
      failures = 0;
      if (!said && performance.now() > killAt() + slowAfter) {
        said = true;
        say(
          `still waits for the end of ${pods.map(pod => `pod ${pod.metadata.name} (${nodeOf(pod)})`).join(', ') || 'its Job'}`,
        );
      }
      // Looks at once after a change, but not all the time.
      await Promise.all([pause(250, never), Promise.race([changed, pause(2_000, never)])]);
    } catch (error) {
      if (finished()) return 'finished';
      if (!said && failures > 0) {
        said = true;
        say(`its Job could not be deleted yet: ${oneLine(error)}`);
      }
      await pause(backoffDelay(defaultBackoff, failures++, Math.random()), never);
    }
  }
}

const nodeOf = (pod: Pod): string => (pod.spec?.nodeName === undefined ? 'on no node' : `on node ${pod.spec.nodeName}`);

/** @returns whether it is gone @throws ApiError */
async function deleteJob({ api, request, view }: RemovalOptions): Promise<boolean> {
  const path = `${jobsPath(request.job.namespace)}/${jobNameOf(request)}`;
  const uid = view.job?.metadata.uid;
  const body = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: 'Foreground',
    ...(uid !== undefined && { preconditions: { uid } }),
  };
  try {
    // Again and again is the same as once; the answer says whether it is still there.
    await api.call<Job>('DELETE', path, { body });
    return false;
  } catch (error) {
    // Another of its name: this one is gone.
    if (isNotFound(error) || (error instanceof ApiError && error.reason === 'Conflict')) return true;
    throw error;
  }
}

/**
 * Ends the pods themselves: the garbage collector would come to it a moment later, and with the grace of the template.
 * @returns those that are there @throws ApiError
 */
async function endPods({ api, request, killAt }: RemovalOptions): Promise<readonly Pod[]> {
  const path = podsPath(request.job.namespace);
  const { items } = await api.call<List<Pod>>('GET', path, { query: { labelSelector: attemptSelector(request) } });
  for (const pod of items) {
    // 0 would take the pod out of the API while its containers may still run.
    const grace = Math.max(1, wholeSeconds(killAt() - performance.now()));
    if (isOver(pod) || !isSooner(pod, grace)) continue;
    const seconds = Number.isFinite(grace) ? { gracePeriodSeconds: grace } : {};
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...seconds };
    await api.call('DELETE', `${path}/${pod.metadata.name}`, { body }).catch(error => {
      // Without the right to it, the garbage collector does it.
      if (!(error instanceof ApiError)) throw error;
    });
  }
  return items;
}

/** Whether a deletion with this grace would end a pod sooner than the one it is under, by a second at least. */
function isSooner({ metadata: { deletionTimestamp } }: Pod, graceSeconds: number): boolean {
  // It is the time of the end, by the server's clock.
  return deletionTimestamp === undefined || Date.parse(deletionTimestamp) > Date.now() + (graceSeconds + 1) * 1_000;
}
