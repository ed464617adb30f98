import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { within } from '../../../coordination/within.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { StartRequest } from '../../supervisor/protocol.ts';
import type { EndReason, ExecutionHooks } from '../executor.ts';
import { Pace } from '../output/pace.ts';
import { OutputPipe, type OutputPipeOptions } from '../output/pipe.ts';
import type { Exit } from './outcome.ts';
import { ProcessTree } from './tree.ts';

/** How long output is awaited after the main process has ended, from what it left in the background. */
const outputAfterExit: Milliseconds = 1_000;

/**
 * All processes of this supervisor share it: 100 MB/s. Whatever they print, most of it to be left out, starts and ends
 * of other runs wait for no more than a turn.
 */
const pace = new Pace({ bytes: 1024 * 1024, turn: 10 });

/** One of the process's streams, and how it is passed on. */
export interface HeldOutput extends Pick<OutputPipeOptions, 'limit' | 'tellsProgress'> {
  readonly name: 'stdout' | 'stderr';
  readonly stream: Readable;
  readonly onBytes?: (bytes: Buffer) => void;
}

/** The main process of an attempt with its tree and its output, from its spawning until nothing of it is left. */
export class HeldProcess {
  readonly #request: StartRequest;
  readonly #hooks: ExecutionHooks;
  #reason: EndReason | undefined;
  #graceUntil = Number.POSITIVE_INFINITY;
  #tree: ProcessTree | undefined;
  #exit: Exit | undefined;

  constructor(request: StartRequest, hooks: ExecutionHooks) {
    this.#request = request;
    this.#hooks = hooks;
  }

  /** Why it was ended from outside, if it was. */
  get reason(): EndReason | undefined {
    return this.#reason;
  }

  get exit(): Exit | undefined {
    return this.#exit;
  }

  end(reason: EndReason, grace: Milliseconds): void {
    // What ended by itself before keeps its own outcome; only its remains are ended sooner.
    if (!this.#exit) this.#reason ??= reason;
    this.#graceUntil = Math.min(this.#graceUntil, performance.now() + grace);
    void this.#tree?.end(grace);
  }

  /** Takes a process that was just spawned, whose `pid` is known, before anything is awaited. */
  take(child: Pick<ChildProcess, 'once'>, pid: number): void {
    const tree = new ProcessTree(this.#request, pid);
    this.#tree = tree;
    child.once('exit', (code, signal) => {
      this.#exit = { code, signal };
      tree.leaderEnded();
    });
  }

  /** Resolves when it has ended (`exited`), nothing of its tree is left, and its output was passed on. */
  async finish(exited: Promise<unknown>, outputs: readonly HeldOutput[]): Promise<void> {
    const closed = Promise.all(outputs.map(output => this.#read(output)));
    await exited;
    await this.#endRemains(closed);
    for (const { stream } of outputs) stream.destroy();
    await closed;
  }

  /** Ends what the main process left in the background; its last output has a moment to arrive. */
  async #endRemains(closed: Promise<unknown>): Promise<void> {
    if (!this.#reason) await within(outputAfterExit, closed);
    const grace = Math.max(0, Math.min(this.#request.grace, this.#graceUntil - performance.now()));
    const ended = (await this.#tree?.end(grace)) ?? 0;
    if (ended > 0 && !this.#reason) {
      const what = ended === 1 ? 'a process' : `${ended} processes`;
      this.#hooks.output('system', `ended ${what} that the run left in the background\n`);
    }
    // Nobody holds the pipes any more, or only one that hides: what is in them is read.
    await within(outputAfterExit, closed);
  }

  /** Passes a stream on, and reads on to its end: a pipe that stays full would block the process. */
  #read({ name, stream, onBytes, ...bounds }: HeldOutput): Promise<void> {
    const pipe = new OutputPipe({ ...bounds, stream: name, what: name, hooks: this.#hooks });
    stream.on('data', (bytes: Buffer) => {
      onBytes?.(bytes);
      const waits = [pipe.take(bytes), pace.take(bytes.length)].filter(wait => wait !== undefined);
      if (waits.length === 0) return;
      stream.pause();
      void Promise.all(waits).then(() => stream.resume());
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
