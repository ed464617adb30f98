import type { ExecutorKind } from '../../domain/job/spec.ts';
import type { Executor } from './executor.ts';
import { createHttpExecutor, type HttpExecutorOptions } from './http/index.ts';
import { shellExecutor } from './shell/index.ts';

/** The executor of each kind. */
export type Executors = Readonly<Record<ExecutorKind, Executor>>;

export function createExecutors(options: HttpExecutorOptions): Executors {
  return { shell: shellExecutor, http: createHttpExecutor(options) };
}
