import type { AttemptResult } from '../../supervisor/protocol.ts';
import type { Execution, Executor } from '../executor.ts';
import type { KubernetesApi } from './api/api.ts';
import { KubernetesExecution } from './execution.ts';
import { Watches, type WatchesOptions } from './watches.ts';

export interface KubernetesExecutorOptions extends WatchesOptions {
  readonly api: KubernetesApi;
}

/**
 * Runs pod templates as batch/v1 Jobs: each attempt has one, and there is never a second. A Job outlives the worker,
 * and is adopted by whoever gets the attempt next. See docs/decisions/0403-kubernetes-executor.md.
 */
export function createKubernetesExecutor(options: KubernetesExecutorOptions): Executor {
  const watches = new Watches(options.api, options);
  return {
    execute(request, hooks) {
      const spec = request.executor.kubernetes;
      if (!spec) return refused({ outcome: 'Failed', message: 'the job has no kubernetes executor' });
      return new KubernetesExecution(request, spec, hooks, { api: options.api, watches });
    },
  };
}

const refused = (result: AttemptResult): Execution => ({ result: Promise.resolve(result), end: () => {} });
