import type { ExecutorKind } from '../../domain/job/spec.ts';
import type { StartRequest } from '../supervisor/protocol.ts';
import type { Executor } from './executor.ts';
import { createHttpExecutor, type HttpExecutorOptions } from './http/index.ts';
import { KubernetesApi } from './kubernetes/api/api.ts';
import { createKubernetesExecutor } from './kubernetes/index.ts';
import { createModuleExecutor, type ModuleSources } from './module/index.ts';
import { withProgressLines } from './progress/lines.ts';
import { withSecrets } from './secrets/index.ts';
import type { LocalSources } from './secrets/local.ts';
import { createShellExecutor, type ShellExecutorOptions } from './shell/index.ts';

/** The executor of each kind; `kubernetes` where this worker may use the Kubernetes API, `module` and `custom` where it has modules. */
export type Executors = Readonly<Record<'shell' | 'http', Executor>> &
  Readonly<Partial<Record<Exclude<ExecutorKind, 'shell' | 'http'>, Executor>>>;

/** The executor that a request names. Not the domain's `executorKind`: its module would load the whole job schema here. */
export function executorOf(executors: Executors, request: Pick<StartRequest, 'executor'>): Executor | undefined {
  const { shell, kubernetes, module, custom } = request.executor;
  if (kubernetes) return executors.kubernetes;
  if (module) return executors.module;
  if (custom) return executors.custom;
  return shell ? executors.shell : executors.http;
}

export interface ExecutorsOptions extends HttpExecutorOptions, ShellExecutorOptions {
  /** Whether this worker uses the Kubernetes API: for kubernetes jobs, and for `secretRefs`. Default false. */
  readonly kubernetes?: boolean;
  /** What of the worker itself `secretRefs` may name. Default nothing. */
  readonly secrets?: LocalSources;
  /** What the worker's modules define. Default: it has none. */
  readonly modules?: ModuleSources;
}

export function createExecutors(options: ExecutorsOptions): Executors {
  const api = options.kubernetes ? new KubernetesApi() : undefined;
  const sources = { ...options.secrets, ...(api && { api }) };
  const modules = options.modules && withSecrets(createModuleExecutor(options.modules), sources);
  return {
    shell: withSecrets(createShellExecutor(options), sources),
    http: withSecrets(createHttpExecutor(options), sources),
    ...(api && { kubernetes: withProgressLines(createKubernetesExecutor({ api })) }),
    ...(modules && { module: modules, custom: modules }),
  };
}
