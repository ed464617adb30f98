import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Milliseconds } from '../../../domain/time.ts';
import type { ModuleSources } from '../../modules/catalog.ts';
import { forkHost } from '../../modules/fork.ts';
import type { HostMessage } from '../../modules/protocol.ts';
import type { AttemptResult, StartRequest } from '../../supervisor/protocol.ts';
import { endedResult } from '../ending.ts';
import { runEnvironment } from '../environment.ts';
import type { EndReason, Execution, ExecutionHooks, Executor } from '../executor.ts';
import { type HeldOutput, HeldProcess } from '../shell/held-process.ts';
import { exitResult, spawnFailure } from '../shell/outcome.ts';
import { runRequestOf } from './request.ts';

export type { ModuleSources } from '../../modules/catalog.ts';

/** Output kept of each stream, in bytes. */
const outputLimit = 1024 * 1024;

/**
 * Runs what modules define, each attempt in a process of its own, which is held and ended as a shell job's is: TERM
 * aborts the run's signal, KILL follows after the grace, and nothing of the tree is left.
 */
export function createModuleExecutor(sources: ModuleSources): Executor {
  return { execute: (request, hooks) => new ModuleExecution(sources, request, hooks) };
}

class ModuleExecution implements Execution {
  readonly result: Promise<AttemptResult>;
  readonly #request: StartRequest;
  readonly #hooks: ExecutionHooks;
  readonly #held: HeldProcess;
  #said: Extract<HostMessage, { type: 'succeeded' | 'failed' }> | undefined;

  constructor(sources: ModuleSources, request: StartRequest, hooks: ExecutionHooks) {
    this.#request = request;
    this.#hooks = hooks;
    this.#held = new HeldProcess(request, hooks);
    this.result = this.#run(sources);
  }

  end(reason: EndReason, grace: Milliseconds): void {
    this.#held.end(reason, grace);
  }

  async #run(sources: ModuleSources): Promise<AttemptResult> {
    const request = runRequestOf(this.#request, sources);
    if (typeof request === 'string') return { outcome: 'Failed', message: `not started: ${request}` };
    const host = forkHost(request, runEnvironment(this.#request, {}, process.env));
    if (host.pid === undefined) return spawnFailure((await once(host, 'error'))[0], process.execPath, undefined);
    this.#held.take(host, host.pid);
    host.on('error', () => {});
    host.on('message', message => this.#hear(message as HostMessage));
    const exited = Promise.all([once(host, 'exit'), once(host, 'disconnect')]);
    this.#hooks.started(host.pid);
    await this.#held.finish(exited, outputsOf(host));
    return this.#outcome();
  }

  #hear(message: HostMessage): void {
    if (message.type === 'progress') this.#hooks.progress(message.percent, message.message);
    else if (message.type === 'succeeded' || message.type === 'failed') this.#said ??= message;
  }

  #outcome(): AttemptResult {
    const exit = this.#held.exit ?? { code: 0, signal: null };
    if (this.#held.reason) {
      return { ...(exit.signal && { signal: exit.signal }), ...endedResult(this.#held.reason, this.#request.timeout) };
    }
    const message = this.#said?.message;
    if (this.#said) {
      return {
        outcome: this.#said.type === 'succeeded' ? 'Succeeded' : 'Failed',
        ...(message !== undefined && { message }),
      };
    }
    if (exit.signal !== null) return exitResult(exit);
    const exitCode = exit.code ?? 0;
    return {
      outcome: 'Failed',
      exitCode,
      message: `the process exited with status ${exitCode} before run() had ended`,
    };
  }
}

function outputsOf({ stdout, stderr }: ChildProcess): readonly HeldOutput[] {
  return [
    ...(stdout ? [{ name: 'stdout', stream: stdout, limit: outputLimit } as const] : []),
    ...(stderr ? [{ name: 'stderr', stream: stderr, limit: outputLimit } as const] : []),
  ];
}
