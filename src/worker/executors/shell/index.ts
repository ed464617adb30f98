import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import type { ShellExecutorSpec } from '../../../domain/job/spec.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { AttemptResult, StartRequest } from '../../supervisor/protocol.ts';
import { endedResult } from '../ending.ts';
import { runEnvironment } from '../environment.ts';
import type { EndReason, Execution, ExecutionHooks, Executor } from '../executor.ts';
import { droppedNote, LimitedText } from '../text.ts';
import { type Command, plainCommand, scriptCommand } from './command.ts';
import { type Exit, exitResult, spawnFailure } from './outcome.ts';
import { ProcessTree } from './tree.ts';

/** How long output is awaited after the main process has ended, from what it left in the background. */
const outputAfterExit: Milliseconds = 1_000;

/**
 * Runs commands and scripts. An attempt is over when its main process has ended: its outcome is that process's, and
 * whatever it left in the background is ended as well (as systemd and Kubernetes do), so that exclusive runs cannot
 * overlap through it: what holds the output pipes has one second to close them, then comes TERM, `grace` later KILL.
 */
export const shellExecutor: Executor = {
  execute(request, hooks) {
    return new ShellExecution(request, hooks);
  },
};

class ShellExecution implements Execution {
  readonly result: Promise<AttemptResult>;
  readonly #request: StartRequest;
  readonly #hooks: ExecutionHooks;
  #reason: EndReason | undefined;
  #graceUntil = Number.POSITIVE_INFINITY;
  #tree: ProcessTree | undefined;
  #exit: Exit | undefined;

  constructor(request: StartRequest, hooks: ExecutionHooks) {
    this.#request = request;
    this.#hooks = hooks;
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
      const added = this.#request.arguments;
      command = plainCommand(spec, added) ?? (await scriptCommand(spec, added));
      // Ended while its script was being written: there is nothing to start.
      if (this.#reason) return endedResult(this.#reason, this.#request.timeout);
      return await this.#spawn(spec, command);
    } catch (error) {
      return spawnFailure(error, command?.file ?? spec.interpreter, spec.workingDirectory);
    } finally {
      await command?.dispose();
    }
  }

  async #spawn(spec: ShellExecutorSpec, command: Command): Promise<AttemptResult> {
    const child = execa(command.file, command.args, {
      env: runEnvironment(this.#request, spec.env, process.env),
      extendEnv: false,
      ...(spec.workingDirectory !== undefined && { cwd: spec.workingDirectory }),
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
    return exitResult(this.#exit ?? { code: 0, signal: null });
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

  /** Passes a stream on up to its limit, and reads on without end: a full pipe would block the process. */
  #read(name: 'stdout' | 'stderr', stream: Readable, limit: number): Promise<void> {
    const text = new LimitedText(limit);
    const pass = (piece: string): Promise<void> | undefined =>
      piece === '' ? undefined : this.#hooks.output(name, piece);
    stream.on('data', (bytes: Buffer) => {
      const wait = pass(text.take(bytes));
      if (!wait) return;
      stream.pause();
      void wait.then(() => stream.resume());
    });
    stream.on('error', () => {});
    return new Promise(resolve => {
      stream.once('close', () => {
        pass(text.end());
        const note = droppedNote(name, text.dropped, limit);
        if (note !== undefined) this.#hooks.output('system', note);
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
