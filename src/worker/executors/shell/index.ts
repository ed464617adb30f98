import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import type { ProcessUser } from '../../../domain/job/shell-process.ts';
import type { ShellExecutorSpec } from '../../../domain/job/spec.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { AttemptResult, StartRequest } from '../../supervisor/protocol.ts';
import { endedResult } from '../ending.ts';
import { runEnvironment } from '../environment.ts';
import type { EndReason, Execution, ExecutionHooks, Executor } from '../executor.ts';
import { OutputPipe } from '../output/pipe.ts';
import { type Command, plainCommand, scriptCommand } from './command.ts';
import { homeOf, type Identity, IdentityError, identityEnvironment, identityOf } from './identity.ts';
import { type Exit, exitResult, spawnFailure } from './outcome.ts';
import { ProcessTree } from './tree.ts';
import { limitOf, limitProblem, wrap, wrapperFailure } from './wrapping.ts';

export interface ShellExecutorOptions {
  /** Whom runs may be, beside the worker's own user. Default nobody. */
  readonly users?: readonly ProcessUser[];
}

/** What of standard error shows why a wrapper failed. */
const firstWords = 500;
/** How long output is awaited after the main process has ended, from what it left in the background. */
const outputAfterExit: Milliseconds = 1_000;

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
  #reason: EndReason | undefined;
  #graceUntil = Number.POSITIVE_INFINITY;
  #tree: ProcessTree | undefined;
  #exit: Exit | undefined;
  readonly #users: readonly ProcessUser[];
  #stderr = '';

  constructor(request: StartRequest, hooks: ExecutionHooks, users: readonly ProcessUser[]) {
    this.#request = request;
    this.#hooks = hooks;
    this.#users = users;
    this.result = this.#run();
  }

  end(reason: EndReason, grace: Milliseconds): void {
    // What ended by itself before keeps its own outcome; only its remains are ended sooner.
    if (!this.#exit) this.#reason ??= reason;
    this.#graceUntil = Math.min(this.#graceUntil, performance.now() + grace);
    void this.#tree?.end(grace);
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
      if (this.#reason) return endedResult(this.#reason, this.#request.timeout);
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
    const tree = new ProcessTree(this.#request, child.pid);
    this.#tree = tree;
    child.once('exit', (code, signal) => {
      this.#exit = { code, signal };
      tree.leaderEnded();
    });
    const exited = once(child, 'exit');
    this.#hooks.started(child.pid);
    const limit = spec.outputLimitBytes;
    const outputs = [this.#read('stdout', child.stdout, limit), this.#read('stderr', child.stderr, limit)];
    const closed = Promise.all(outputs);

    await exited;
    await this.#endRemains(tree, closed);
    for (const stream of [child.stdout, child.stderr]) stream.destroy();
    await closed;
    if (this.#reason) return { ...this.#exitDetails(), ...endedResult(this.#reason, this.#request.timeout) };
    const exit = this.#exit ?? { code: 0, signal: null };
    const failure = wrapperFailure(command, exit.code, this.#stderr);
    if (failure !== undefined) return { outcome: 'Failed', message: failure };
    return exitResult(exit, limitOf(exit.signal, spec.limits));
  }

  /** Ends what the main process left in the background; its last output has a moment to arrive. */
  async #endRemains(tree: ProcessTree, closed: Promise<unknown>): Promise<void> {
    if (!this.#reason) await within(outputAfterExit, closed);
    const ended = await tree.end(Math.max(0, Math.min(this.#request.grace, this.#graceUntil - performance.now())));
    if (ended > 0 && !this.#reason) {
      const what = ended === 1 ? 'a process' : `${ended} processes`;
      this.#hooks.output('system', `ended ${what} that the run left in the background\n`);
    }
    // Nobody holds the pipes any more, or only one that hides: what is in them is read.
    await within(outputAfterExit, closed);
  }

  /** Passes a stream on, and reads on without end: a full pipe would block the process. */
  #read(name: 'stdout' | 'stderr', stream: Readable, limit: number): Promise<void> {
    const pipe = new OutputPipe({
      stream: name,
      what: name,
      limit,
      hooks: this.#hooks,
      tellsProgress: name === 'stdout',
    });
    stream.on('data', (bytes: Buffer) => {
      if (name === 'stderr' && this.#stderr.length < firstWords) this.#stderr += bytes.toString('utf8', 0, firstWords);
      const wait = pipe.take(bytes);
      if (!wait) return;
      stream.pause();
      void wait.then(() => stream.resume());
    });
    stream.on('error', () => {});
    return new Promise(resolve => {
      stream.once('close', () => {
        void pipe.end();
        resolve();
      });
    });
  }

  #exitDetails(): Partial<AttemptResult> {
    return {
      ...(typeof this.#exit?.code === 'number' && { exitCode: this.#exit.code }),
      ...(this.#exit?.signal && { signal: this.#exit.signal }),
    };
  }
}

async function within(wait: Milliseconds, promise: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([promise, delay(wait, undefined, { signal: timer.signal }).catch(() => {})]);
  timer.abort();
}
