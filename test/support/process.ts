import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('../../bin/cronmesh', import.meta.url));

export interface ProgramOptions {
  readonly env: Record<string, string>;
  /** A file that takes what it prints. */
  readonly log: string;
  readonly cwd?: string;
  /** Its path; the checkout's own by default. */
  readonly program?: string;
}

/** A free port of the loopback interface. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Waits until `check` gives something other than undefined or false; looks each 50 ms, or as often as it is told. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  timeout = 30_000,
  every = 50,
): Promise<T> {
  const end = Date.now() + timeout;
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value !== undefined && value !== false) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end)
      throw new Error(`${what}: not within ${timeout} ms${last === undefined ? '' : `, last: ${last}`}`);
    await new Promise(resolve => setTimeout(resolve, every));
  }
}

/** `kill -9`, where it still runs. Resolves when it is gone. */
export async function killHard(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** One of Cronmesh's programs as a process of its own, as a user would start it. */
export class Program {
  readonly child: ChildProcess;
  readonly #exit: Promise<number | null>;
  #output = '';

  constructor(args: readonly string[], options: ProgramOptions) {
    this.child = spawn(options.program ?? checkout, args, {
      env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const log = createWriteStream(options.log, { flags: 'a' });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        log.write(chunk);
        this.#output = (this.#output + chunk.toString()).slice(-200_000);
      });
    }
    this.#exit = new Promise(resolve =>
      this.child.once('exit', code => {
        log.end();
        resolve(code);
      }),
    );
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('the program did not start');
    return this.child.pid;
  }

  /** The end of what it printed, on both streams. */
  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Resolves with the exit status once it has ended. */
  get exited(): Promise<number | null> {
    return this.#exit;
  }

  /** TERM, and its exit status. */
  async stop(): Promise<number | null> {
    if (this.running) {
      this.child.kill('SIGCONT');
      this.child.kill('SIGTERM');
    }
    const giveUp = setTimeout(() => this.child.kill('SIGKILL'), 45_000);
    try {
      return await this.#exit;
    } finally {
      clearTimeout(giveUp);
    }
  }

  async kill(): Promise<void> {
    if (this.running) this.child.kill('SIGKILL');
    await this.#exit;
  }
}
