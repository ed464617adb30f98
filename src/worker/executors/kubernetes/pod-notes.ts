import { oneLine } from './api/errors.ts';
import type { ContainerStatus, Pod } from './api/objects.ts';
import { endOf } from './outcome.ts';

/** Waiting like this is the ordinary way to run. */
const ordinary: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing']);

/** What people want to know of an attempt's pods, each thing once. */
export class PodNotes {
  readonly #said = new Set<string>();

  /** What is new in a pod, one line each. */
  of(pod: Pod): readonly string[] {
    const { name } = pod.metadata;
    const { nodeName } = pod.spec ?? {};
    const { reason, message, conditions = [], initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
    const lines: (string | undefined)[] = [];
    if (nodeName !== undefined) lines.push(this.#once(`${name} node`, `pod ${name} is on node ${nodeName}`));
    const scheduled = conditions.find(one => one.type === 'PodScheduled');
    if (scheduled?.status === 'False') {
      const why = `${scheduled.reason ?? 'not scheduled'}${scheduled.message === undefined ? '' : `: ${scheduled.message}`}`;
      lines.push(this.#once(`${name} ${why}`, `pod ${name} waits: ${why}`));
    }
    for (const status of [...initContainerStatuses, ...containerStatuses]) lines.push(...this.#container(name, status));
    if (reason !== undefined) {
      const why = `${reason}${message === undefined ? '' : `: ${message}`}`;
      lines.push(this.#once(`${name} ${reason}`, `pod ${name}: ${why}`));
    }
    return lines.filter(line => line !== undefined);
  }

  #container(pod: string, { name, state, lastState, restartCount }: ContainerStatus): (string | undefined)[] {
    const key = `${pod}/${name}`;
    const lines: (string | undefined)[] = [];
    const before = lastState?.terminated;
    if (before) lines.push(this.#once(`${key} ended ${restartCount - 1}`, endOf(name, pod, before)));
    if (state?.terminated) {
      lines.push(this.#once(`${key} ended ${restartCount}`, endOf(name, pod, state.terminated)));
    }
    const { reason, message } = state?.waiting ?? {};
    if (reason !== undefined && !ordinary.has(reason)) {
      const why = message === undefined ? reason : `${reason}: ${message}`;
      lines.push(this.#once(`${key} waits ${reason}`, `container ${name} of pod ${pod} waits: ${why}`));
    }
    return lines;
  }

  #once(key: string, line: string): string | undefined {
    if (this.#said.has(key)) return undefined;
    this.#said.add(key);
    return oneLine(line);
  }
}

/** Whether a container of the pod runs or has run. */
export function hasRun(pod: Pod): boolean {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses].some(
    ({ state, lastState }) => state?.running ?? state?.terminated ?? lastState?.terminated,
  );
}
