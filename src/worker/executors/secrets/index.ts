import type { SecretRef } from '../../../domain/job/spec.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { AttemptResult, StartRequest } from '../../supervisor/protocol.ts';
import { endedResult } from '../ending.ts';
import type { EndReason, Execution, ExecutionHooks, Executor } from '../executor.ts';
import type { KubernetesApi } from '../kubernetes/api/api.ts';
import { readReferences, UnreadableReferenceError } from './read.ts';

/**
 * An executor whose runs get what their `secretRefs` name, as `request.secrets`, read when they start. The values are
 * in the memory of this process while the run goes on, and in nothing that it writes.
 *
 * @param api undefined where this worker may not use the Kubernetes API: then such runs fail
 */
export function withSecrets(executor: Executor, api: KubernetesApi | undefined): Executor {
  return {
    execute(request, hooks) {
      const { secretRefs } = request;
      if (secretRefs === undefined || secretRefs.length === 0) return executor.execute(request, hooks);
      return new SecretExecution(executor, api, secretRefs, request, hooks);
    },
  };
}

class SecretExecution implements Execution {
  readonly result: Promise<AttemptResult>;
  readonly #abort = new AbortController();
  #inner: Execution | undefined;
  #reason: EndReason | undefined;

  constructor(
    executor: Executor,
    api: KubernetesApi | undefined,
    refs: readonly SecretRef[],
    request: StartRequest,
    hooks: ExecutionHooks,
  ) {
    this.result = this.#run(executor, api, refs, request, hooks);
  }

  end(reason: EndReason, grace: Milliseconds): void {
    this.#reason ??= reason;
    this.#abort.abort();
    this.#inner?.end(reason, grace);
  }

  async #run(
    executor: Executor,
    api: KubernetesApi | undefined,
    refs: readonly SecretRef[],
    request: StartRequest,
    hooks: ExecutionHooks,
  ): Promise<AttemptResult> {
    const failed = (why: string): AttemptResult => ({ outcome: 'Failed', message: `not started: ${why}` });
    if (!api) return failed('it has secretRefs, and this worker may not use the Kubernetes API');
    try {
      const { signal } = this.#abort;
      const secrets = await readReferences(refs, { api, namespace: request.job.namespace, signal });
      if (this.#reason) return endedResult(this.#reason, request.timeout);
      this.#inner = executor.execute({ ...request, secrets }, hooks);
    } catch (error) {
      if (this.#reason) return endedResult(this.#reason, request.timeout);
      // Of other errors the message is not known, and might show a value.
      return failed(error instanceof UnreadableReferenceError ? error.message : 'its secretRefs could not be read');
    }
    return await this.#inner.result;
  }
}
