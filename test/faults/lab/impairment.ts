import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { toolPath } from '../../support/tools.ts';
import { command } from './command.ts';
import type { Impairment } from './lab.ts';

const relay = fileURLToPath(new URL('./relay.py', import.meta.url));
/** How long a relay may take to begin, in milliseconds. */
const within = 15_000;

export interface CableOptions {
  /** The node's port at the bridge. */
  readonly port: string;
  readonly namespace: string;
  /** The bridge's namespace. */
  readonly hub: string;
}

/**
 * The cable of one node, with what is wrong with it. A process of its own relays its frames while there is something:
 * not every kernel has sch_netem, and so the same happens on all. Of several impairments the newest is in force.
 */
export class Cable {
  readonly #options: CableOptions;
  #faults: readonly Impairment[] = [];
  #relay: ChildProcessByStdio<Writable, Readable, Readable> | undefined;
  /** Changes come one after the other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: CableOptions) {
    this.#options = options;
  }

  /** Gives what ends it. */
  async impair(how: Impairment): Promise<() => Promise<void>> {
    this.#faults = [...this.#faults, how];
    await this.#apply();
    return async () => {
      this.#faults = this.#faults.filter(one => one !== how);
      await this.#apply();
    };
  }

  async heal(): Promise<void> {
    this.#faults = [];
    await this.#apply();
  }

  #apply(): Promise<void> {
    const turn = this.#turn.then(async () => {
      const how = this.#faults.at(-1);
      if (how === undefined) return await this.#end();
      this.#relay ??= await this.#begin();
      this.#relay.stdin.write(`${JSON.stringify(order(how))}\n`);
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #begin(): Promise<ChildProcessByStdio<Writable, Readable, Readable>> {
    const { hub, port, namespace } = this.#options;
    const python = toolPath('python3') ?? 'python3';
    const child = spawn('ip', ['netns', 'exec', hub, python, relay, port, namespace], { stdio: 'pipe' });
    child.stdin.on('error', () => {});
    let said = '';
    child.stderr.on('data', chunk => {
      said += chunk;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), within);
    const ended = once(child, 'close').then(() => {
      throw new Error(`the relay of ${port} did not begin: ${said}`);
    });
    try {
      await Promise.race([once(child.stdout, 'data'), ended]);
      ended.catch(() => {});
    } finally {
      clearTimeout(timer);
    }
    return child;
  }

  async #end(): Promise<void> {
    const child = this.#relay;
    if (child === undefined) return;
    this.#relay = undefined;
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      child.stdin.end();
      await exit;
    }
    const { hub, port } = this.#options;
    await command('ip', ['-n', hub, 'link', 'set', 'dev', port, 'master', 'bridge']);
  }
}

function order({ delayMs = 0, jitterMs = 0, lossPercent = 0, duplicatePercent = 0 }: Impairment): object {
  return { delay: delayMs / 1000, jitter: jitterMs / 1000, loss: lossPercent / 100, duplicate: duplicatePercent / 100 };
}
