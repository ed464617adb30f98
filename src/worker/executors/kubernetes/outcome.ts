import type { Milliseconds } from '../../../domain/time.ts';
import type { AttemptResult } from '../../supervisor/protocol.ts';
import { endedResult } from '../ending.ts';
import { oneLine } from './api/errors.ts';
import { type ContainerStatus, conditionOf, type Job, type Pod, type Terminated } from './api/objects.ts';

/** What went wrong in a pod. */
export interface Failure {
  readonly exitCode?: number;
  /** Names the pod and the reason. */
  readonly message: string;
}

/** How a Job ended; undefined while it has not. `failure` is the last one seen in its pods. */
export function jobResult(job: Job, failure: Failure | undefined, timeout: Milliseconds): AttemptResult | undefined {
  if (conditionOf(job, 'Complete')) return { outcome: 'Succeeded', exitCode: 0 };
  const failed = conditionOf(job, 'Failed');
  if (!failed) return undefined;
  const { reason = 'no reason given', message = '' } = failed;
  if (reason === 'DeadlineExceeded') return endedResult({ kind: 'timeout' }, timeout);
  const own = `the Job failed: ${reason}`;
  if (failure) {
    const exitCode = failure.exitCode === undefined ? {} : { exitCode: failure.exitCode };
    return { outcome: 'Failed', ...exitCode, message: `${failure.message}; ${own}` };
  }
  return { outcome: 'Failed', message: oneLine(message === '' ? own : `${own} (${message})`) };
}

/** What failed in a pod; undefined when nothing did, so far. Containers that failed and were started again count. */
export function podFailure(pod: Pod): Failure | undefined {
  const { name } = pod.metadata;
  const { reason, message, initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const container = [...initContainerStatuses, ...containerStatuses].map(failureOf).find(one => one !== undefined);
  // Evicted, preempted, its node gone: what the containers say is only the consequence.
  if (pod.status?.phase === 'Failed' && reason !== undefined) {
    const why = oneLine(`pod ${name} failed: ${reason}${message === undefined ? '' : ` (${message})`}`);
    return { ...(container && { exitCode: container.ended.exitCode }), message: why };
  }
  if (!container) return undefined;
  return { exitCode: container.ended.exitCode, message: `${endOf(container.name, name, container.ended)}` };
}

function failureOf({ name, state, lastState }: ContainerStatus): { name: string; ended: Terminated } | undefined {
  const ended = state?.terminated ?? lastState?.terminated;
  return ended && ended.exitCode !== 0 ? { name, ended } : undefined;
}

/** @example endOf('main', 'report-x', { exitCode: 3, reason: 'Error' }) // 'container main of pod report-x ended with exit code 3 (Error)' */
export function endOf(container: string, pod: string, { exitCode, reason, message }: Terminated): string {
  const why = [reason, message?.slice(0, 300)].filter(one => one !== undefined && one !== '').join(': ');
  return oneLine(
    `container ${container} of pod ${pod} ended with exit code ${exitCode}${why === '' ? '' : ` (${why})`}`,
  );
}
