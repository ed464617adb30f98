import type { JobUid } from '../../../domain/job/job.ts';
import { httpExecutor, kubernetesExecutor, shellExecutor } from '../../../domain/job/spec/executors.ts';
import type { HttpExecutorSpec, KubernetesExecutorSpec, ShellExecutorSpec } from '../../../domain/job/spec.ts';
import type { RunId } from '../../../domain/run/run.ts';
import { listProcesses } from '../../executors/shell/processes.ts';
import type { AttemptResult, StartRequest } from '../protocol.ts';

/** Requests and waits that the tests of supervisor and executors share. */

let count = 0;

/** A run id that no other test, and no other process of this machine, has. */
export function uniqueRun(): RunId {
  return `test${process.pid}x${Math.random().toString(36).slice(2, 10)}-${(count++).toString(36)}` as RunId;
}

type Rest = Partial<Omit<StartRequest, 'executor'>>;

export function shellRequest(spec: Partial<ShellExecutorSpec> | string, rest: Rest = {}): StartRequest {
  const shell = shellExecutor.parse(typeof spec === 'string' ? { command: spec } : spec);
  return request({ shell }, rest);
}

export function httpRequest(spec: Partial<HttpExecutorSpec> & { url: string }, rest: Rest = {}): StartRequest {
  return request({ http: httpExecutor.parse(spec) }, rest);
}

type PodSpec = Readonly<Record<string, unknown>>;

/** A pod of one container that runs a script, in the image that the test cluster has; `pod` changes its spec. */
export function kubernetesRequest(
  script: string,
  rest: Rest & { readonly namespace: string },
  { pod = {}, ...spec }: Partial<Omit<KubernetesExecutorSpec, 'template'>> & { readonly pod?: PodSpec } = {},
): StartRequest {
  const { namespace, ...others } = rest;
  const container = { name: 'main', image: 'localhost/debian:bookworm', imagePullPolicy: 'IfNotPresent' };
  const template = { spec: { containers: [{ ...container, command: ['/bin/sh', '-c', script] }], ...pod } };
  const kubernetes = kubernetesExecutor.parse({ template, ...spec });
  const job = { namespace, name: 'nightly.report', uid: `uid${Math.random().toString(36).slice(2, 12)}` as JobUid };
  return request({ kubernetes }, { job, ...others });
}

function request(executor: StartRequest['executor'], rest: Rest): StartRequest {
  const run = rest.run ?? uniqueRun();
  return {
    run,
    attempt: 1,
    job: { namespace: 'default', name: 'job', uid: 'jobuid0123456789' as JobUid },
    handovers: 0,
    exclusive: false,
    lockKey: `cron/lock/default/job/${run}`,
    executor,
    timeout: 30_000,
    grace: 300,
    env: { CRONMESH_RUN: run, CRONMESH_ATTEMPT: '1', CRONMESH_JOB: 'job', CRONMESH_FENCING_TOKEN: '42' },
    ...rest,
  };
}

/** Live processes that carry a run in their environment. */
export async function processesOf(run: RunId): Promise<readonly number[]> {
  return (await listProcesses()).filter(one => one.attempt?.startsWith(`${run}#`)).map(one => one.pid);
}

/** Waits until a condition holds, looking each 10 ms. @throws after `within` milliseconds */
export async function until(condition: () => boolean | Promise<boolean>, within = 10_000): Promise<void> {
  const end = performance.now() + within;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not so within ${within} ms: ${condition}`);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}

/** Collects an execution's hooks. */
export function recorder() {
  const texts = { stdout: '', stderr: '', system: '' };
  const steps: (readonly [percent: number, message?: string])[] = [];
  const started = Promise.withResolvers<number | undefined>();
  let wake = (): void => {};
  return {
    texts,
    started: started.promise,
    hooks: {
      started: (pid?: number) => started.resolve(pid),
      output: (stream: 'stdout' | 'stderr' | 'system', text: string): Promise<void> | undefined => {
        texts[stream] += text;
        wake();
        return undefined;
      },
      progress: (percent: number, message?: string): void => {
        steps.push(message === undefined ? [percent] : [percent, message]);
      },
    },
    /** What was said of its progress. */
    steps,
    /** Resolves when standard output holds `text`. */
    async printed(text: string): Promise<void> {
      while (!texts.stdout.includes(text)) {
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
    },
  };
}

export type { AttemptResult };
