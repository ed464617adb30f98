import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { locksFolder } from './manifest.ts';
import type { Truth } from './truth.ts';

/** How often new truths are read: what has gone is looked for each 100 ms by the watcher itself. */
const every = 200;

/** Reads the truths as they come, and tells the watcher which attempts to look at. */
export class Watcher {
  readonly #truth: Truth;
  readonly #folder: string;
  #process: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(truth: Truth, folder: string) {
    this.#truth = truth;
    this.#folder = folder;
  }

  async start(): Promise<void> {
    const program = fileURLToPath(new URL('watch.pl', import.meta.url));
    const child = spawn('perl', [program, locksFolder(this.#folder)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#process = child;
    await once(child, 'spawn');
    child.stdin.on('error', () => {});
    createInterface({ input: child.stdout }).on('line', line => {
      const [name = '', at = ''] = line.split(' ');
      const [, run = '', attempt = ''] = /^run\.(.*)\.(\d+)$/.exec(name) ?? [];
      // What it told last comes before what was seen of it.
      this.#look();
      this.#truth.gone(run, Number(attempt), Number(at));
    });
    this.#timer = setInterval(() => this.#look(), every);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    const exit = once(child, 'exit');
    child.stdin?.end();
    await exit;
    this.#truth.read();
  }

  #look(): void {
    for (const { kind, run, attempt } of this.#truth.read()) {
      if (kind === 'shell') this.#process?.stdin?.write(`run.${run}.${attempt}\n`);
    }
  }
}
