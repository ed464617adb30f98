import { isOver, type Pod } from '../api/objects.ts';
import type { AttemptView } from '../view.ts';

/** How far a container has come. */
export interface ContainerProgress {
  /** How often it was started again. */
  readonly instance: number;
  /** Whether that instance runs or has run. */
  readonly started: boolean;
  readonly ended: boolean;
  /** Whether no other will follow. */
  readonly final: boolean;
}

/** Undefined when the pod is gone. */
export function progressOf(view: AttemptView, podUid: string, container: string): ContainerProgress | undefined {
  const pod = view.pods.find(one => one.metadata.uid === podUid);
  return pod && podProgress(pod, container);
}

export function podProgress(pod: Pod, container: string): ContainerProgress {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const status = [...initContainerStatuses, ...containerStatuses].find(one => one.name === container);
  const { running, terminated, waiting } = status?.state ?? {};
  // Between two starts the last instance is the one that was.
  const ended = terminated !== undefined || (waiting !== undefined && status?.lastState?.terminated !== undefined);
  return {
    instance: status?.restartCount ?? 0,
    started: ended || running !== undefined,
    ended,
    final: isOver(pod),
  };
}
