import { setTimeout as delay } from 'node:timers/promises';
import type { Coordinator } from '../../coordination/coordinator.ts';
import type { Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import { createExecutors } from '../executors/index.ts';
import { handOver } from './handover.ts';
import { Journal } from './journal.ts';
import type { FromSupervisor, ToSupervisor } from './protocol.ts';
import { Supervisor } from './supervisor.ts';

type Hello = Extract<ToSupervisor, { type: 'hello' }>;

export interface ProcessOptions {
  readonly logger: Logger;
  /** Makes the coordinator with which a dead worker's locks are released. */
  readonly connect: (consul: NonNullable<Hello['consul']>) => Promise<Coordinator>;
}

/** TERM to KILL when the worker has died. */
const orphanGrace: Milliseconds = 300;
/** How long one that failed waits for its children's end: its worker ends what is left. */
const failureWait: Milliseconds = 2_000;
/** After its worker's death it exits, whatever hangs; Consul may be away for 60 s of it. */
const longestLife: Milliseconds = 75_000;

/** Ended by the channel alone: a Ctrl-C or a TERM to everything must not end the children before the worker says so. */
const ignored: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'];

/** Makes this process a supervisor: serves the channel that it was forked with, then ends the process. */
export function runSupervisor(options: ProcessOptions): void {
  for (const signal of ignored) process.on(signal, () => {});
  new SupervisorProcess(options).serve();
}

class SupervisorProcess {
  readonly #options: ProcessOptions;
  readonly #log: Logger;
  #hello: Hello | undefined;
  #supervisor: Supervisor | undefined;
  #journal: Journal | undefined;
  #ending = false;
  #saidBye = false;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.#log = options.logger;
  }

  serve(): void {
    process.on('message', message => this.#receive(message as ToSupervisor));
    process.on('disconnect', () => void this.#orphaned());
    process.on('uncaughtException', error => void this.#failed(error));
    process.on('unhandledRejection', error => void this.#failed(error));
    if (!process.connected) void this.#orphaned();
  }

  #receive(message: ToSupervisor): void {
    if (message.type === 'hello') this.#begin(message);
    else if (message.type === 'shutdown') void this.#shutdown(message.grace);
    else this.#supervisor?.handle(message);
  }

  #begin(hello: Hello): void {
    this.#hello = hello;
    this.#journal = new Journal(hello.directory);
    this.#supervisor = new Supervisor({
      send: (message, done) => this.#send(message, done),
      journal: this.#journal,
      executors: createExecutors({
        allowPrivateAddresses: hello.allowPrivateAddresses,
        kubernetes: hello.kubernetes,
        ...(hello.users && { users: hello.users }),
        ...(hello.secrets && { secrets: hello.secrets }),
        ...(hello.modules !== undefined && { modules: hello.modules }),
      }),
      logger: this.#log,
    });
    this.#send({ type: 'ready', pid: process.pid });
  }

  /** The worker stops in order. It may still die meanwhile: then `#orphaned` takes over. */
  async #shutdown(grace: Milliseconds): Promise<void> {
    await this.#supervisor?.close({ kind: 'killed', by: 'the stop of its worker' }, grace);
    if (this.#ending) return;
    this.#saidBye = true;
    this.#journal?.close({ remove: true });
    this.#send({ type: 'bye' }, () => process.exit(0));
  }

  async #orphaned(): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    if (this.#saidBye || !this.#hello || !this.#supervisor) process.exit(0);
    // A process that hangs in the kernel, say: it must not keep this one.
    setTimeout(() => process.exit(1), longestLife);
    this.#log.warn({ worker: this.#hello.worker }, 'the worker is gone: ending what it ran');
    const why = { kind: 'lost', why: 'its worker died' } as const;
    const [handedOver] = await Promise.all([
      this.#handOver(this.#hello, this.#supervisor),
      this.#supervisor.close(why, orphanGrace),
    ]);
    // Without a hand-over the journal is what tells the worker's next start what was running.
    this.#journal?.close({ remove: handedOver });
    process.exit(0);
  }

  async #handOver(hello: Hello, supervisor: Supervisor): Promise<boolean> {
    if (!hello.consul) return false;
    const { session, epoch, forgottenUntil } = supervisor;
    return await handOver(
      await this.#options.connect(hello.consul),
      {
        worker: hello.worker,
        session,
        epoch,
        forgottenUntil,
        ...(hello.serviceId !== undefined && { serviceId: hello.serviceId }),
        status: id => supervisor.status(id),
      },
      { logger: this.#log },
    );
  }

  /** An error of its own: it ends what it holds and itself. The living worker reads the journal and forks another. */
  async #failed(error: unknown): Promise<void> {
    // Nobody reads the log, or nobody listens at the channel, any more: the channel's own end says what to do.
    const { code } = (error ?? {}) as NodeJS.ErrnoException;
    if (code === 'EPIPE' || code === 'ERR_IPC_CHANNEL_CLOSED') return;
    this.#log.fatal({ err: error }, 'the supervisor failed');
    const closed = this.#supervisor?.close({ kind: 'lost', why: 'its supervisor failed' }, orphanGrace);
    await Promise.race([closed, delay(failureWait)]);
    if (process.connected) process.exit(1);
  }

  #send(message: FromSupervisor, done: () => void = () => {}): void {
    if (process.connected) process.send?.(message, undefined, undefined, done);
    else done();
  }
}
