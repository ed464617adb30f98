import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { CallbackAnswer, CallbackProgress } from '../../coordination/records.ts';
import { backoffDelay, defaultBackoff } from '../../domain/backoff.ts';
import type { Service } from '../../domain/lifecycle.ts';
import type { RunId } from '../../domain/run/run.ts';
import type { Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import { supervisorEnvironment } from '../executors/environment.ts';
import { attemptId, attemptKey } from './attempt.ts';
import type { JournalEntry } from './journal.ts';
import { recover } from './orphans.ts';
import type { AttemptMessage, FromSupervisor, Lease, StartRequest, ToSupervisor } from './protocol.ts';

export interface SupervisorClientOptions extends Omit<Extract<ToSupervisor, { type: 'hello' }>, 'type'> {
  readonly logger: Logger;
  /** Called for everything that becomes of an attempt, in order for each attempt. Must not throw. */
  readonly onMessage: (message: AttemptMessage) => void;
  /** Where the supervisor's own log goes. Default `inherit`: the worker's standard error. */
  readonly stderr?: 'inherit' | 'ignore';
}

/** How long `start` waits for a supervisor to say that it is ready. */
const readyWithin: Milliseconds = 15_000;
/** What a supervisor may need beyond the grace to end everything, before it is ended itself. */
const stopMargin: Milliseconds = 10_000;
/** TERM to KILL for what a dead supervisor left behind. */
const orphanGrace: Milliseconds = 300;

/** The supervisor's program: beside this file's tree, TypeScript in a checkout and JavaScript in a build. */
const program = fileURLToPath(
  new URL(`../../main/supervisor${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
);

/**
 * The worker's side of its supervisor: keeps one alive, tells it what to start, and passes on what it says.
 *
 * The supervisor starts nothing before the first `lease`. One that dies is replaced: what it held is ended, attempts
 * that it had spawned are reported as finished with outcome `Lost`, those it never spawned as refused.
 *
 * @example
 * const supervisor = new SupervisorClient({ worker, directory, allowPrivateAddresses: false, logger, onMessage });
 * await supervisor.start();
 * supervisor.session(session, epoch);
 * supervisor.lease({ monotonic: monotonicNow() + 13_000, wall: Date.now() + 13_000 });
 * supervisor.launch(request); // then onMessage: started, output …, finished (or refused)
 */
export class SupervisorClient implements Service {
  readonly #options: SupervisorClientOptions;
  readonly #log: Logger;
  /** What was asked for and has neither been refused nor finished. */
  readonly #open = new Map<string, StartRequest>();
  #child: ChildProcess | undefined;
  #ended: Promise<string> = Promise.resolve('');
  #ready = false;
  #stopping: Promise<void> | undefined;
  readonly #stopped = new AbortController();
  #replacing: Promise<void> = Promise.resolve();
  #failures = 0;
  #lease: Lease | undefined;
  #session: { readonly session?: string; readonly epoch?: number } = {};
  #recovered: readonly JournalEntry[] = [];

  constructor(options: SupervisorClientOptions) {
    this.#options = options;
    this.#log = options.logger.child({ component: 'supervisor' });
  }

  /** Whether a supervisor is there and starts things; without one every launch is refused. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Process id of the present supervisor. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * What supervisors before this worker's start had spawned, from their journals: without `endedAt`, the attempt was
   * running when its supervisor died (its processes have been ended by now). Set by `start`.
   */
  get recovered(): readonly JournalEntry[] {
    return this.#recovered;
  }

  /** Ends what dead predecessors left behind, then forks a supervisor. @throws when it does not become ready within 15 s */
  async start(): Promise<void> {
    const left = await recover(this.#options.directory, orphanGrace);
    this.#recovered = left.entries;
    await this.#fork();
  }

  /** Asks for an attempt. Exactly one of `refused`, `finished` and `detached` follows, at the latest when the supervisor is replaced. */
  launch(request: StartRequest): void {
    if (!this.#ready || this.#stopping) {
      const reason = this.#stopping ? 'the worker is stopping' : 'the supervisor is being started anew';
      setImmediate(() => this.#options.onMessage({ type: 'refused', ...attemptId(request), reason }));
      return;
    }
    this.#open.set(attemptKey(request), request);
    this.#send({ type: 'start', request });
  }

  /** Ends an attempt: TERM, its grace, KILL. Does nothing when it is not running. */
  kill(run: RunId, attempt: number, by: string): void {
    this.#send({ type: 'kill', run, attempt, by });
  }

  /** The server that an attempt asked has answered. Does nothing when it is not running. */
  callback(run: RunId, attempt: number, answer: CallbackAnswer | CallbackProgress): void {
    this.#send({ type: 'callback', run, attempt, answer });
  }

  /** Lets go of attempts that go on without their worker: `detached` follows for each, or `finished` where it ends. */
  detach(): void {
    this.#send({ type: 'detach' });
  }

  /** How long the worker's session is good for: sent after each renewal. */
  lease(lease: Lease): void {
    this.#lease = lease;
    this.#send({ type: 'lease', lease });
  }

  /** The session that holds the locks, and the epoch: whenever either changes; nothing when the session is gone. */
  session(session?: string, epoch?: number): void {
    this.#session = { ...(session !== undefined && { session }), ...(epoch !== undefined && { epoch }) };
    this.#send({ type: 'session', ...this.#session });
  }

  /** Ends what still runs (TERM, `grace` later KILL; default 5 s), passes on its last messages, then ends the supervisor. */
  stop(options: { readonly grace?: Milliseconds } = {}): Promise<void> {
    this.#stopping ??= this.#stop(options.grace ?? 5_000);
    return this.#stopping;
  }

  async #fork(): Promise<void> {
    const { logger: _logger, onMessage: _onMessage, stderr = 'inherit', ...hello } = this.#options;
    const child = fork(program, [], {
      serialization: 'advanced',
      // A session of its own: no Ctrl-C of the terminal reaches it, and it outlives the worker.
      detached: true,
      // A small young generation: it makes little garbage, and a fork costs what the process has in memory.
      execArgv: ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=2'],
      env: supervisorEnvironment(process.env, hello),
      stdio: ['ignore', 'ignore', stderr, 'ipc'],
    });
    this.#child = child;
    const ready = Promise.withResolvers<void>();
    child.on('message', message => this.#receive(message as FromSupervisor, ready.resolve));
    child.on('error', error => this.#log.warn({ err: error }, 'the channel to the supervisor failed'));
    this.#ended = endOf(child).then(how => {
      this.#ready = false;
      ready.reject(new Error(`the supervisor ended with ${how} before it was ready`));
      return how;
    });
    const ended = this.#ended;
    this.#post({ type: 'hello', ...hello });
    const timer = setTimeout(() => ready.reject(new Error('the supervisor was not ready within 15 s')), readyWithin);
    try {
      await ready.promise;
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    } finally {
      clearTimeout(timer);
    }
    this.#ready = true;
    this.#send({ type: 'session', ...this.#session });
    if (this.#lease) this.#send({ type: 'lease', lease: this.#lease });
    void ended.then(how => {
      if (this.#stopping === undefined) this.#replacing = this.#replace(how);
    });
  }

  /** After an unexpected death: its attempts are ended and reported, then there is a new supervisor. */
  async #replace(how: string): Promise<void> {
    this.#log.error({ ended: how, attempts: this.#open.size }, 'the supervisor died; what it ran is ended');
    await this.#settle();
    while (!this.#stopped.signal.aborted) {
      try {
        await delay(backoffDelay(defaultBackoff, this.#failures++, Math.random()), undefined, {
          signal: this.#stopped.signal,
        });
        await this.#fork();
        this.#failures = 0;
        return;
      } catch (error) {
        if (!this.#stopped.signal.aborted) this.#log.error({ err: error }, 'no new supervisor yet');
      }
    }
  }

  /** Ends what a dead supervisor ran and closes what it left open: spawned by its journal is Lost, the rest refused. */
  async #settle(): Promise<void> {
    const open = [...this.#open.values()];
    const left = await recover(this.#options.directory, orphanGrace, open);
    const proven = left.supervisors.includes(this.#child?.pid ?? 0);
    const spawned = new Set(left.entries.map(attemptKey));
    for (const request of open) {
      const id = attemptId(request);
      this.#open.delete(attemptKey(request));
      // Without its journal nothing is proven: Lost, never a second start.
      if (proven && !spawned.has(attemptKey(request))) {
        this.#options.onMessage({ type: 'refused', ...id, reason: 'its supervisor died before it was started' });
      } else if (request.executor.kubernetes) {
        this.#options.onMessage({ type: 'detached', ...id, reason: 'its supervisor died' });
      } else {
        const result = { outcome: 'Lost', message: 'its supervisor died' } as const;
        this.#options.onMessage({ type: 'finished', ...id, at: Date.now(), result });
      }
    }
  }

  async #stop(grace: Milliseconds): Promise<void> {
    this.#stopped.abort();
    await this.#replacing;
    const child = this.#child;
    this.#ready = false;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    this.#post({ type: 'shutdown', grace });
    const timer = setTimeout(() => child.kill('SIGKILL'), grace + stopMargin);
    await this.#ended;
    clearTimeout(timer);
    if (this.#open.size > 0) await this.#settle();
  }

  #receive(message: FromSupervisor, ready: () => void): void {
    if (message.type === 'ready') ready();
    if (message.type === 'ready' || message.type === 'bye') return;
    if (message.type === 'refused' || message.type === 'finished' || message.type === 'detached')
      this.#open.delete(attemptKey(message));
    this.#options.onMessage(message);
  }

  #send(message: ToSupervisor): void {
    if (this.#ready) this.#post(message);
  }

  /** A message that cannot be sent is not an error here: the supervisor's end is seen by its `exit`. */
  #post(message: ToSupervisor): void {
    if (this.#child?.connected) this.#child.send(message, () => {});
  }
}

/** Resolves with how a process ended, once its last messages have been received as well. */
async function endOf(child: ChildProcess): Promise<string> {
  const exited = new Promise<string>(resolve => {
    child.once('exit', (code, signal) => resolve(signal ?? `status ${code}`));
  });
  const drained = new Promise<void>(resolve => {
    child.once('disconnect', resolve);
  });
  await drained;
  return exited;
}
