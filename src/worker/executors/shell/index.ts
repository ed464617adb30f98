import { once } from 'node:events';
import { execa } from 'execa';
import type { ProcessUser } from '../../../domain/job/shell-process.ts';
import type { ShellExecutorSpec } from '../../../domain/job/spec.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { AttemptResult, StartRequest } from '../../supervisor/protocol.ts';
import { endedResult } from '../ending.ts';
import { runEnvironment } from '../environment.ts';
import type { EndReason, Execution, ExecutionHooks, Executor } from '../executor.ts';
import { type Command, plainCommand, scriptCommand } from './command.ts';
import { HeldProcess } from './held-process.ts';
import { homeOf, type Identity, IdentityError, identityEnvironment, identityOf } from './identity.ts';
import { exitResult, spawnFailure } from './outcome.ts';
import { limitOf, limitProblem, wrap, wrapperFailure } from './wrapping.ts';

export interface ShellExecutorOptions {
  /** Whom runs may be, beside the worker's own user. Default nobody. */
  readonly users?: readonly ProcessUser[];
}

/** What of standard error shows why a wrapper failed. */
const firstWords = 500;

/**
 * Runs commands and scripts. An attempt is over when its main process has ended: its outcome is that process's, and
 * whatever it left in the background is ended as well (as systemd and Kubernetes do), so that exclusive runs cannot
 * overlap through it: what holds the output pipes has one second to close them, then comes TERM, `grace` later KILL.
 */
export function createShellExecutor({ users = [] }: ShellExecutorOptions = {}): Executor {
  return { execute: (request, hooks) => new ShellExecution(request, hooks, users) };
}

class ShellExecution implements Execution {
  readonly result: Promise<AttemptResult>;
  readonly #request: StartRequest;
  readonly #hooks: ExecutionHooks;
  readonly #held: HeldProcess;
  readonly #users: readonly ProcessUser[];
  #stderr = '';

  constructor(request: StartRequest, hooks: ExecutionHooks, users: readonly ProcessUser[]) {
    this.#request = request;
    this.#hooks = hooks;
    this.#users = users;
    this.#held = new HeldProcess(request, hooks);
    this.result = this.#run();
  }

  end(reason: EndReason, grace: Milliseconds): void {
    this.#held.end(reason, grace);
  }

  async #run(): Promise<AttemptResult> {
    const spec = this.#request.executor.shell;
    if (!spec) return { outcome: 'Failed', message: 'the job has no shell executor' };
    let command: Command | undefined;
    try {
      // Only who needs it waits: what is plain is spawned in this turn.
      const identity = spec.user === undefined ? undefined : await identityOf(spec.user, this.#users);
      const problem = limitProblem(spec.limits, identity);
      if (problem !== undefined) return { outcome: 'Failed', message: problem };
      const added = this.#request.particulars?.arguments;
      command = plainCommand(spec, added) ?? (await scriptCommand(spec, added, identity));
      // Ended while its script was being written: there is nothing to start.
      if (this.#held.reason) return endedResult(this.#held.reason, this.#request.timeout);
      return await this.#spawn(spec, { ...command, ...wrap(command, spec.limits, identity) }, identity);
    } catch (error) {
      if (error instanceof IdentityError) return { outcome: 'Failed', message: `not started: ${error.message}` };
      return spawnFailure(error, command?.file ?? spec.interpreter, spec.workingDirectory);
    } finally {
      await command?.dispose();
    }
  }

  async #spawn(spec: ShellExecutorSpec, command: Command, identity: Identity | undefined): Promise<AttemptResult> {
    const cwd = spec.workingDirectory ?? (identity && homeOf(identity));
    const child = execa(command.file, command.args, {
      env: runEnvironment(this.#request, { ...(identity && identityEnvironment(identity)), ...spec.env }, process.env),
      extendEnv: false,
      ...(cwd !== undefined && { cwd }),
      ...(spec.stdin === undefined ? { stdin: 'ignore' as const } : { input: spec.stdin }),
      // A session and a group of its own, which can be ended as one.
      detached: true,
      cleanup: false,
      buffer: false,
      encoding: 'buffer',
      reject: false,
    });
    if (child.pid === undefined) return spawnFailure(await child, command.file, spec.workingDirectory);
    // The result is taken from `exit`: the library's own waits for pipes that others may hold open.
    void child.catch(() => {});
    this.#held.take(child, child.pid);
    const exited = once(child, 'exit');
    this.#hooks.started(child.pid);
    const limit = spec.outputLimitBytes;
    await this.#held.finish(exited, [
      { name: 'stdout', stream: child.stdout, limit, tellsProgress: true },
      { name: 'stderr', stream: child.stderr, limit, onBytes: bytes => this.#remember(bytes) },
    ]);
    if (this.#held.reason) return { ...this.#exitDetails(), ...endedResult(this.#held.reason, this.#request.timeout) };
    const exit = this.#held.exit ?? { code: 0, signal: null };
    const failure = wrapperFailure(command, exit.code, this.#stderr);
    if (failure !== undefined) return { outcome: 'Failed', message: failure };
    return exitResult(exit, limitOf(exit.signal, spec.limits));
  }

  #remember(bytes: Buffer): void {
    if (this.#stderr.length < firstWords) this.#stderr += bytes.toString('utf8', 0, firstWords);
  }

  #exitDetails(): Partial<AttemptResult> {
    return {
      ...(typeof this.#held.exit?.code === 'number' && { exitCode: this.#held.exit.code }),
      ...(this.#held.exit?.signal && { signal: this.#held.exit.signal }),
    };
  }
}
