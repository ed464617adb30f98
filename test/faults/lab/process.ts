import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Process } from './lab.ts';
import { inNamespace, isAlive } from './namespace.ts';

export interface NodeProcessOptions {
  readonly namespace: string;
  /** The node's name: its host name. */
  readonly node: string;
  /** Every part of it must `exec` the next: a signal is for the process that was spawned. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A file that takes what it prints. */
  readonly log: string;
}

/** TERM to KILL. */
const stopWithin = 60_000;

/** One program on one node, started again with the same settings as often as wanted. */
export class NodeProcess implements Process {
  readonly #options: NodeProcessOptions;
  #child: ChildProcess | undefined;

  constructor(options: NodeProcessOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Running, and not stopped by a signal. */
  get alive(): boolean {
    return this.running && isAlive(this.#child?.pid);
  }

  get pid(): number | undefined {
    return this.running ? this.#child?.pid : undefined;
  }

  async start(): Promise<void> {
    if (this.running) return;
    const { namespace, node, command, env, log } = this.#options;
    // Given last: what leads there must not be preloaded with anything.
    const set = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`);
    const [program = '', ...args] = inNamespace(namespace, node, ['env', ...set, ...command]);
    const file = openSync(log, 'a');
    const child = spawn(program, args, {
      env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/' },
      stdio: ['ignore', file, file],
      // A session of its own: a Ctrl-C is for the harness, which ends the others itself.
      detached: true,
    });
    this.#child = child;
    closeSync(file);
    await once(child, 'spawn');
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<number | null> {
    return await this.#end('SIGTERM');
  }

  pause(): void {
    this.signal('SIGSTOP');
  }

  resume(): void {
    this.signal('SIGCONT');
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#child?.kill(signal);
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    if (!this.running) return child.exitCode;
    const exit = once(child, 'exit');
    child.kill(signal);
    // A stopped process acts on no other signal.
    child.kill('SIGCONT');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopWithin);
    try {
      await exit;
    } finally {
      clearTimeout(timer);
    }
    return child.exitCode;
  }
}
