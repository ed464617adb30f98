import { after } from 'node:test';
import type { Execution, Executor } from '../../src/worker/executors/executor.ts';
import { KubernetesApi } from '../../src/worker/executors/kubernetes/api/api.ts';
import { loadConnection } from '../../src/worker/executors/kubernetes/api/connection.ts';
import type { Job, List, Pod } from '../../src/worker/executors/kubernetes/api/objects.ts';
import { createKubernetesExecutor } from '../../src/worker/executors/kubernetes/index.ts';
import type { StartRequest } from '../../src/worker/supervisor/protocol.ts';
import { recorder } from '../../src/worker/supervisor/testing/requests.ts';
import { kubectl } from './kubernetes-async.ts';

/** An executor as a worker of its own has it; through another kubeconfig than the environment's, if one is named. */
export function newExecutor(kubeconfig?: string): Executor {
  const api = new KubernetesApi(() => loadConnection(kubeconfig));
  return createKubernetesExecutor({ api, linger: 0 });
}

const unfinished = new Set<Execution>();

// A test that failed leaves its runs behind, and they would keep the process.
after(() => {
  for (const execution of unfinished) execution.end({ kind: 'killed', by: 'the end of the tests' }, 0);
});

export function run(executor: Executor, request: StartRequest) {
  const record = recorder();
  const execution = executor.execute(request, record.hooks);
  unfinished.add(execution);
  void execution.result.then(() => unfinished.delete(execution));
  return { ...record, execution, result: execution.result };
}

export async function list<T = Job>(kind: 'jobs' | 'pods', namespace: string, selector = ''): Promise<readonly T[]> {
  const printed = await kubectl(['-n', namespace, 'get', kind, '-o', 'json', '-l', selector]);
  return (JSON.parse(printed) as List<T>).items;
}

export const jobsOf = (request: StartRequest): Promise<readonly Job[]> =>
  list('jobs', request.job.namespace, `cronmesh.io/run=${request.run}`);

export const podsOf = (request: StartRequest): Promise<readonly Pod[]> =>
  list<Pod>('pods', request.job.namespace, `cronmesh.io/run=${request.run}`);

/** `1\n2\n…\n` */
export const numbers = (last: number): string => Array.from({ length: last }, (_, index) => `${index + 1}\n`).join('');

/** Waits until a condition holds, looking twice a second: each look starts a program. @throws after `within` ms */
export async function seen(condition: () => Promise<boolean>, within = 30_000): Promise<void> {
  const end = performance.now() + within;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not so within ${within} ms: ${condition}`);
    await new Promise(resolve => setTimeout(resolve, 500));
  }
}
