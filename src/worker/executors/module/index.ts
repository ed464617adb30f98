import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { Milliseconds } from '../../../domain/time.ts';
import type { ModuleSources } from '../../modules/catalog.ts';
import { forkHost } from '../../modules/fork.ts';
import type { HostMessage } from '../../modules/protocol.ts';
import type { AttemptResult, StartRequest } from '../../supervisor/protocol.ts';
import { within } from '../../within.ts';
import { endedResult } from '../ending.ts';
import { runEnvironment } from '../environment.ts';
import type { EndReason, Execution, ExecutionHooks, Executor } from '../executor.ts';
import { OutputPipe } from '../output/pipe.ts';
import { type Exit, exitResult, spawnFailure } from '../shell/outcome.ts';
import { ProcessTree } from '../shell/tree.ts';
import { runRequestOf } from './request.ts';

export type { ModuleSources } from '../../modules/catalog.ts';

/** How long output is awaited after the process has ended, from what it left in the background. */
const outputAfterExit: Milliseconds = 1_000;
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
  #reason: EndReason | undefined;
  #graceUntil = Number.POSITIVE_INFINITY;
  #tree: ProcessTree | undefined;
  #exit: Exit | undefined;
  #said: Extract<HostMessage, { type: 'succeeded' | 'failed' }> | undefined;

  constructor(sources: ModuleSources, request: StartRequest, hooks: ExecutionHooks) {
    this.#request = request;
    this.#hooks = hooks;
    this.result = this.#run(sources);
  }

  end(reason: EndReason, grace: Milliseconds): void {
    // What ended by itself before keeps its own outcome; only its remains are ended sooner.
    if (!this.#exit) this.#reason ??= reason;
    this.#graceUntil = Math.min(this.#graceUntil, performance.now() + grace);
    void this.#tree?.end(grace);
  }

  async #run(sources: ModuleSources): Promise<AttemptResult> {
    const request = runRequestOf(this.#request, sources);
    if (typeof request === 'string') return { outcome: 'Failed', message: `not started: ${request}` };
    const host = forkHost(request, runEnvironment(this.#request, {}, process.env));
    if (host.pid === undefined) return spawnFailure((await once(host, 'error'))[0], process.execPath, undefined);
    const tree = new ProcessTree(this.#request, host.pid);
    this.#tree = tree;
    host.on('error', () => {});
    host.on('message', message => this.#hear(message as HostMessage));
    host.once('exit', (code, signal) => {
      this.#exit = { code, signal };
      tree.leaderEnded();
    });
    const exited = Promise.all([once(host, 'exit'), once(host, 'disconnect')]);
    this.#hooks.started(host.pid);
    const closed = Promise.all(outputsOf(host).map(([name, stream]) => this.#read(name, stream)));
    await exited;
    await this.#endRemains(tree, closed);
    for (const [, stream] of outputsOf(host)) stream.destroy();
    await closed;
    return this.#outcome();
  }

  #hear(message: HostMessage): void {
    if (message.type === 'progress') this.#hooks.progress(message.percent, message.message);
    else if (message.type === 'succeeded' || message.type === 'failed') this.#said ??= message;
  }

  #outcome(): AttemptResult {
    const exit = this.#exit ?? { code: 0, signal: null };
    if (this.#reason) {
      return { ...(exit.signal && { signal: exit.signal }), ...endedResult(this.#reason, this.#request.timeout) };
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

  /** Ends what the module left in the background; its last output has a moment to arrive. */
  async #endRemains(tree: ProcessTree, closed: Promise<unknown>): Promise<void> {
    if (!this.#reason) await within(outputAfterExit, closed);
    const ended = await tree.end(Math.max(0, Math.min(this.#request.grace, this.#graceUntil - performance.now())));
    if (ended > 0 && !this.#reason) {
      const what = ended === 1 ? 'a process' : `${ended} processes`;
      this.#hooks.output('system', `ended ${what} that the run left in the background\n`);
    }
    await within(outputAfterExit, closed);
  }

  /** Passes a stream on up to its limit, and reads on without end: a full pipe would block the process. */
  #read(name: 'stdout' | 'stderr', stream: Readable): Promise<void> {
    const pipe = new OutputPipe({ stream: name, what: name, limit: outputLimit, hooks: this.#hooks });
    stream.on('data', (bytes: Buffer) => {
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
}

function outputsOf({ stdout, stderr }: ChildProcess): readonly (readonly ['stdout' | 'stderr', Readable])[] {
  return [...(stdout ? [['stdout', stdout] as const] : []), ...(stderr ? [['stderr', stderr] as const] : [])];
}
