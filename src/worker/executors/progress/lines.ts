import type { Executor } from '../executor.ts';

/** A line is looked at up to here; nothing that says how far it is is longer. */
const longestLine = 1_024;
/** What the output of a pod with several containers has before each line. */
const container = /^\[[-a-z0-9]{1,63}\] (?=::progress)/;
const line = /^::progress[ \t]+(\d{1,3}(?:\.\d+)?)%?(?:[ \t]+(.*?))?[ \t\r]*$/;

/**
 * Reads the progress that a process tells on its standard output, in lines of its own: `::progress 42 message`. Text
 * comes in pieces of any size.
 *
 * @example new ProgressLines((percent, message) => …).take('copying\n::progress 42 of 100 files\n')
 */
export class ProgressLines {
  readonly #tell: (percent: number, message?: string) => void;
  #begun = '';
  /** The rest of a line that is too long. */
  #skipping = false;

  constructor(tell: (percent: number, message?: string) => void) {
    this.#tell = tell;
  }

  take(text: string): void {
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      if (!this.#skipping) this.#read(this.#begun + text.slice(from, end));
      this.#begun = '';
      this.#skipping = false;
      from = lineOfNext(text, end + 1);
    }
    if (this.#skipping) return;
    this.#begun += text.slice(from, from + longestLine + 1);
    if (this.#begun.length > longestLine) {
      this.#skipping = true;
      this.#begun = '';
    }
  }

  #read(whole: string): void {
    const [, percent, message] = line.exec(whole.replace(container, '')) ?? [];
    if (percent !== undefined && Number(percent) <= 100) this.#tell(Number(percent), message);
  }
}

/** Where the next line begins that may tell progress, or else the last one: a process may print millions a second. */
function lineOfNext(text: string, from: number): number {
  const mark = text.indexOf('::progress', from);
  const before = mark === -1 ? text.length : mark;
  return Math.max(from, text.lastIndexOf('\n', before - 1) + 1);
}

/** An executor whose runs tell their progress in lines of their standard output, which stay in the output. */
export function withProgressLines(executor: Executor): Executor {
  return {
    execute(request, hooks) {
      const lines = new ProgressLines((percent, message) => hooks.progress(percent, message));
      return executor.execute(request, {
        ...hooks,
        output: (stream, text) => {
          if (stream === 'stdout') lines.take(text);
          return hooks.output(stream, text);
        },
      });
    },
  };
}
