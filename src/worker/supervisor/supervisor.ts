import { timing } from '../../domain/policy/timing.ts';
import type { Instant, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { EndReason, Execution, Executor } from '../executors/executor.ts';
import { type Executors, executorOf } from '../executors/index.ts';
import { type AttemptId, attemptId, attemptKey } from './attempt.ts';
import { type Clocks, longTimer, systemClocks } from './clocks.ts';
import type { Journal } from './journal.ts';
import { LeaseGuard } from './lease-guard.ts';
import { Outlet, type Send } from './outlet.ts';
import { AttemptOutput } from './output.ts';
import { AttemptProgress } from './progress.ts';
import type { StartRequest, ToSupervisor } from './protocol.ts';

export interface SupervisorOptions {
  readonly send: Send;
  readonly journal: Journal;
  readonly executors: Executors;
  readonly logger: Logger;
  readonly clocks?: Clocks;
  /** Exclusive runs get TERM this long before the lease's end. Default `timing.fenceGrace`. */
  readonly fenceGrace?: Milliseconds;
}

/** What is known of an attempt. */
export type AttemptStatus = 'running' | 'ended' | 'never-spawned';

interface Running {
  readonly request: StartRequest;
  readonly execution: Execution;
  readonly done: Promise<void>;
  /** Of what goes on without its worker: lets go of it. */
  readonly detach: ((why: string) => void) | undefined;
}

/** What the supervisor process does, without the process: starts attempts, holds them, and ends them. */
export class Supervisor {
  readonly #outlet: Outlet;
  readonly #journal: Journal;
  readonly #executors: Executors;
  readonly #log: Logger;
  readonly #lease: LeaseGuard;
  readonly #fenceGrace: Milliseconds;
  readonly #running = new Map<string, Running>();
  #session: string | undefined;
  #epoch: number | undefined;
  #closed = false;

  constructor(options: SupervisorOptions) {
    this.#outlet = new Outlet(options.send);
    this.#journal = options.journal;
    this.#executors = options.executors;
    this.#log = options.logger;
    this.#fenceGrace = options.fenceGrace ?? timing.fenceGrace;
    this.#lease = new LeaseGuard({
      clocks: options.clocks ?? systemClocks,
      fenceGrace: this.#fenceGrace,
      onEnding: left => this.#endExclusive("the lease on its worker's session ran out", left),
    });
  }

  /** The session that held the worker's locks when it was last heard of. */
  get session(): string | undefined {
    return this.#session;
  }

  get epoch(): number | undefined {
    return this.#epoch;
  }

  /** Attempts that ended at or before it may have been forgotten: see `Journal`. */
  get forgottenUntil(): Instant | undefined {
    return this.#journal.forgottenUntil;
  }

  /** Everything of `ToSupervisor` but hello and shutdown, which are the process's affair. */
  handle(message: Exclude<ToSupervisor, { type: 'hello' | 'shutdown' }>): void {
    switch (message.type) {
      case 'start':
        this.#start(message.request);
        break;
      case 'kill':
        this.#kill(message, message.by);
        break;
      case 'callback':
        this.#running.get(attemptKey(message))?.execution.answer?.(message.answer);
        break;
      case 'lease':
        this.#lease.renew(message.lease);
        break;
      case 'detach':
        this.#detachAll();
        break;
      case 'session':
        this.#changeSession(message.session, message.epoch);
        break;
    }
  }

  /** Lets go of what goes on without its worker. */
  #detachAll(): void {
    for (const { detach } of this.#running.values()) detach?.('its worker stops');
  }

  /** Whether an attempt runs, has ended, or was never spawned; which is not certain of those before `forgottenUntil`. */
  status(id: AttemptId): AttemptStatus {
    if (this.#running.has(attemptKey(id))) return 'running';
    return this.#journal.entry(id) ? 'ended' : 'never-spawned';
  }

  /** Starts nothing any more and ends everything: TERM, `grace` later KILL. Resolves when nothing is left. */
  async close(reason: EndReason, grace: Milliseconds): Promise<void> {
    this.#closed = true;
    const running = [...this.#running.values()];
    for (const one of running) leave(one, reason, grace);
    await Promise.all(running.map(({ done }) => done));
  }

  #start(request: StartRequest): void {
    const id = attemptId(request);
    // What was let go of here may come back, to be adopted.
    if (request.handovers > 0 ? this.#running.has(attemptKey(id)) : this.#journal.entry(id)) {
      this.#log.error({ ...id }, 'asked to start an attempt a second time; it is not');
      return;
    }
    const executor = executorOf(this.#executors, request);
    const refusal = this.#refusal(request, executor) ?? this.#record(request);
    if (executor === undefined || refusal !== undefined) {
      this.#outlet.send({ type: 'refused', ...id, reason: refusal ?? '' });
      return;
    }
    const output = new AttemptOutput(id, this.#outlet, request.handovers);
    const progress = new AttemptProgress(id, this.#outlet);
    const execution = executor.execute(request, {
      started: pid => {
        this.#outlet.send({ type: 'started', ...id, at: Date.now(), ...(pid !== undefined && { pid }) });
      },
      output: (stream, text) => output.add(stream, text),
      progress: (percent, message) => progress.say(percent, message),
    });
    const cancelTimeout = longTimer(request.timeout, () => execution.end({ kind: 'timeout' }, request.grace));
    const detached = Promise.withResolvers<void>();
    const finished = execution.result.then(result => {
      this.#close(request);
      cancelTimeout();
      output.end();
      progress.end();
      this.#outlet.send({ type: 'finished', ...id, at: Date.now(), result });
    });
    const detach =
      execution.detach &&
      once(async (why: string) => {
        // One that failed to let go in order has let go all the same: whoever adopts the attempt sees what there is.
        if (!(await execution.detach?.(why).catch(() => true))) return;
        this.#close(request);
        cancelTimeout();
        output.end();
        progress.end();
        this.#outlet.send({ type: 'detached', ...id, reason: why });
        detached.resolve();
      });
    const done = Promise.race([finished, detached.promise]);
    this.#running.set(attemptKey(id), { request, execution, done, detach });
    if (request.exclusive) this.#lease.watch(true);
  }

  /** Why an attempt may not start now; undefined when it may. */
  #refusal(request: StartRequest, executor: Executor | undefined): string | undefined {
    if (this.#closed) return 'the supervisor is shutting down';
    if (executor === undefined) return 'this worker has no modules, or may not use the Kubernetes API';
    const left = this.#lease.left();
    if (left === undefined) return 'the worker has no lease yet';
    if (left <= 0) return `the lease on the worker's session passed ${Math.round(-left)} ms ago`;
    // It would get TERM at once.
    if (request.exclusive && left <= this.#fenceGrace) {
      return `the lease on the worker's session ends in ${Math.round(left)} ms, too soon for an exclusive run`;
    }
    return undefined;
  }

  /** Written before the spawn: without it, nothing is spawned. */
  #record(request: StartRequest): string | undefined {
    try {
      this.#journal.spawned(request);
      return undefined;
    } catch (error) {
      this.#log.error({ err: error }, 'the journal cannot be written: nothing is started');
      return `the supervisor's journal cannot be written: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  #close(request: StartRequest): void {
    const id = attemptId(request);
    this.#journal.ended(id);
    this.#running.delete(attemptKey(id));
    if (request.exclusive) this.#lease.watch(this.#exclusive().length > 0);
  }

  #kill(id: AttemptId, by: string): void {
    const running = this.#running.get(attemptKey(id));
    running?.execution.end({ kind: 'killed', by }, running.request.grace);
  }

  /** With the session go its locks: what must not overlap ends before another worker can take them. */
  #changeSession(session: string | undefined, epoch: number | undefined): void {
    const lost = this.#session !== undefined && this.#session !== session;
    this.#session = session;
    this.#epoch = epoch;
    if (lost) this.#endExclusive("its worker's session was lost", Math.max(0, this.#lease.left() ?? 0));
  }

  #endExclusive(why: string, atMost: Milliseconds): void {
    for (const running of this.#exclusive()) {
      leave(running, { kind: 'lost', why }, Math.min(running.request.grace, atMost));
    }
  }

  #exclusive(): readonly Running[] {
    return [...this.#running.values()].filter(({ request }) => request.exclusive);
  }
}

/** The worker leaves its runs, or is gone: they are ended, or let go of where they go on without it. */
function leave({ execution, detach }: Running, reason: EndReason, grace: Milliseconds): void {
  if (detach === undefined) execution.end(reason, grace);
  else detach(reason.kind === 'lost' ? reason.why : `of ${reason.kind === 'killed' ? reason.by : 'its timeout'}`);
}

/** What was asked for once is not asked for again. */
function once<A>(action: (argument: A) => Promise<void>): (argument: A) => void {
  let done = false;
  return argument => {
    if (done) return;
    done = true;
    void action(argument);
  };
}
