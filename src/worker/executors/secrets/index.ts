import type { CallbackAnswer, CallbackProgress } from '../../../coordination/records.ts';
import type { SecretRef } from '../../../domain/job/spec.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { AttemptResult, StartRequest } from '../../supervisor/protocol.ts';
import { endedResult } from '../ending.ts';
import type { EndReason, Execution, ExecutionHooks, Executor } from '../executor.ts';
import { maskingOf } from '../output/masker.ts';
import { UnreadableReferenceError } from './error.ts';
import { masked } from './masked.ts';
import { readReferences, type SecretSources } from './read.ts';

/**
 * An executor whose runs get what their `secretRefs` name, as `request.secrets`, read when they start. The values are
 * in the memory of this process while the run goes on, in nothing that it writes, and are hidden in what the run prints and in its result.
 */
export function withSecrets(executor: Executor, sources: SecretSources): Executor {
  return {
    execute(request, hooks) {
      const { secretRefs } = request;
      if (secretRefs === undefined || secretRefs.length === 0) {
        const masking = maskingOf(tokenOf(request));
        return masking ? masked(executor, request, hooks, masking) : executor.execute(request, hooks);
      }
      return new SecretExecution(executor, sources, secretRefs, request, hooks);
    },
  };
}

/** A server may say its request's headers back: who reads the log is not to answer in its place. */
function tokenOf({ callbackUrl }: StartRequest): readonly string[] {
  const token = callbackUrl === undefined ? null : new URL(callbackUrl).searchParams.get('token');
  return token === null ? [] : [token];
}

class SecretExecution implements Execution {
  readonly result: Promise<AttemptResult>;
  readonly #abort = new AbortController();
  readonly #answers: (CallbackAnswer | CallbackProgress)[] = [];
  #inner: Execution | undefined;
  #reason: EndReason | undefined;

  constructor(
    executor: Executor,
    sources: SecretSources,
    refs: readonly SecretRef[],
    request: StartRequest,
    hooks: ExecutionHooks,
  ) {
    this.result = this.#run(executor, sources, refs, request, hooks);
  }

  end(reason: EndReason, grace: Milliseconds): void {
    this.#reason ??= reason;
    this.#abort.abort();
    this.#inner?.end(reason, grace);
  }

  /** Comes only once the request is sent, but for one that nobody asked for. */
  answer(answer: CallbackAnswer | CallbackProgress): void {
    if (this.#inner) this.#inner.answer?.(answer);
    else this.#answers.push(answer);
  }

  async #run(
    executor: Executor,
    sources: SecretSources,
    refs: readonly SecretRef[],
    request: StartRequest,
    hooks: ExecutionHooks,
  ): Promise<AttemptResult> {
    const failed = (why: string): AttemptResult => ({ outcome: 'Failed', message: `not started: ${why}` });
    try {
      const options = { namespace: request.job.namespace, signal: this.#abort.signal };
      const { values, hidden } = await readReferences(refs, sources, options);
      if (this.#reason) return endedResult(this.#reason, request.timeout);
      const masking = maskingOf([...hidden, ...tokenOf(request)]);
      const inner = { ...request, secrets: values };
      this.#inner = masking ? masked(executor, inner, hooks, masking) : executor.execute(inner, hooks);
      for (const answer of this.#answers) this.#inner.answer?.(answer);
    } catch (error) {
      if (this.#reason) return endedResult(this.#reason, request.timeout);
      // Of other errors the message is not known, and might show a value.
      return failed(error instanceof UnreadableReferenceError ? error.message : 'its secretRefs could not be read');
    }
    return await this.#inner.result;
  }
}
