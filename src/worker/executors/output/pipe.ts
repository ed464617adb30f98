import { StringDecoder } from 'node:string_decoder';
import type { ExecutionHooks } from '../executor.ts';
import { ProgressLines } from '../progress/lines.ts';
import { HeadTail } from './head-tail.ts';
import type { Masker } from './masker.ts';

export interface OutputPipeOptions {
  readonly stream: 'stdout' | 'stderr';
  /** What it is called in the log: `stdout`, `body`. */
  readonly what: string;
  /** Bytes kept: the first and the last half of them. */
  readonly limit: number;
  readonly hooks: Pick<ExecutionHooks, 'output' | 'masking' | 'progress'>;
  /** Whether lines of it may tell the run's progress. */
  readonly tellsProgress?: boolean;
}

/** A stream of a run's bytes on its way to the log: values hidden, then the first and the last half kept. */
export class OutputPipe {
  readonly #options: OutputPipeOptions;
  readonly #kept: HeadTail;
  /** Before the cut, which could otherwise leave a part of a value that is no longer known for one. */
  readonly #masker: Masker | undefined;
  readonly #decoder = new StringDecoder('utf8');
  /** Looks at all of it, what is left out of the log as well. */
  readonly #progress: ProgressLines | undefined;

  constructor(options: OutputPipeOptions) {
    this.#options = options;
    this.#kept = new HeadTail(options.limit);
    this.#masker = options.hooks.masking?.stream();
    const { hooks, tellsProgress = false } = options;
    if (tellsProgress) this.#progress = new ProgressLines((percent, message) => hooks.progress(percent, message));
  }

  /** @returns a promise when no more is to be brought before it resolves */
  take(bytes: Buffer): Promise<void> | undefined {
    const text = this.#masker || this.#progress ? this.#decoder.write(bytes) : '';
    this.#progress?.take(text);
    return this.#pass(this.#masker ? this.#take(this.#masker.take(text)) : this.#kept.take(bytes));
  }

  /** Passes on what is left, behind a line that says what was left out. */
  end(): Promise<void> | undefined {
    const { what, limit, hooks } = this.#options;
    if (this.#masker) this.#pass(this.#take(this.#masker.take(this.#decoder.end()) + this.#masker.end()));
    const { dropped, text } = this.#kept.end();
    if (dropped > 0) {
      const note = `${what}: ${dropped} bytes are left out here: outputLimitBytes is ${limit}, of which the first and the last half are kept\n`;
      void hooks.output('system', note);
    }
    return this.#pass(text);
  }

  #take(text: string): string {
    return text === '' ? '' : this.#kept.take(Buffer.from(text));
  }

  #pass(text: string): Promise<void> | undefined {
    return text === '' ? undefined : this.#options.hooks.output(this.#options.stream, text);
  }
}
