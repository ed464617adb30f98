import { within } from '../../../../coordination/within.ts';
import type { Milliseconds } from '../../../../domain/time.ts';
import type { ExecutionHooks } from '../../executor.ts';
import type { KubernetesApi } from '../api/api.ts';
import type { Pod } from '../api/objects.ts';
import type { AttemptView } from '../view.ts';
import { ContainerLog } from './container-log.ts';
import type { Positions } from './position.ts';
import { podProgress } from './progress.ts';

export interface LogsOptions {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly view: AttemptView;
  /** Bytes of each container. */
  readonly limit: number;
  /** Where another worker left off. */
  readonly positions: Positions | undefined;
  readonly output: ExecutionHooks['output'];
}

/** After the end, output is waited for while some comes, with pauses of this length at most, … */
const patience: Milliseconds = 5_000;
/** … and not longer than this. */
const longestWait: Milliseconds = 60_000;

/** The output of an attempt: the logs of all containers of all its pods. */
export class Logs {
  readonly #options: LogsOptions;
  readonly #logs = new Map<string, ContainerLog>();

  constructor(options: LogsOptions) {
    this.#options = options;
  }

  /** Follows what has begun to run since the last look. */
  look(): void {
    for (const pod of this.#options.view.pods) this.#lookAt(pod);
  }

  #lookAt(pod: Pod): void {
    const { api, namespace, view, limit, positions, output } = this.#options;
    const { initContainers = [], containers = [] } = pod.spec ?? {};
    const names = [...initContainers, ...containers].map(({ name }) => name);
    const { name, uid } = pod.metadata;
    for (const container of names) {
      const key = `${name}/${container}`;
      if (this.#logs.has(key) || !podProgress(pod, container).started) continue;
      const prefix = names.length > 1 ? `[${container}] ` : '';
      const position = positions?.get(key);
      const log = new ContainerLog({
        api,
        namespace,
        view,
        pod: { name, uid },
        container,
        prefix,
        limit,
        position,
        output,
      });
      this.#logs.set(key, log);
    }
  }

  /** Nothing runs any more: waits, within bounds, until everything printed has been passed on, and lets go. */
  async finish(): Promise<void> {
    this.look();
    const logs = [...this.#logs.values()];
    const all = Promise.all(logs.map(log => log.finish()));
    let finished = false;
    void all.then(() => {
      finished = true;
    });
    const began = performance.now();
    const isPatient = (now: number): boolean =>
      now - began < longestWait && now - Math.max(began, ...logs.map(({ heardAt }) => heardAt)) < patience;
    while (!finished && isPatient(performance.now())) await within(1_000, all);
    if (!finished) void this.#options.output('system', 'some of its output could not be read in time\n');
    await Promise.all(logs.map(log => log.close()));
  }

  /** Lets go of them. @returns where another worker goes on */
  async leave(): Promise<Positions> {
    const entries = [...this.#logs].map(async ([key, log]) => [key, await log.leave()] as const);
    return new Map(await Promise.all(entries));
  }
}
