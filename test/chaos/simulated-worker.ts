import type { Coordinator } from '../../src/coordination/coordinator.ts';
import { isGroupLock } from '../../src/coordination/keys.ts';
import type { Report } from '../../src/domain/run/report.ts';
import type { WorkerId } from '../../src/domain/run/run.ts';
import type { ReportIngest } from '../../src/master/grpc/ingest.ts';
import type { Logger } from '../../src/observability/logger.ts';
import type { Execution, Executor } from '../../src/worker/executors/executor.ts';
import type { Supervisor as SupervisorPort } from '../../src/worker/ports.ts';
import { handOver } from '../../src/worker/supervisor/handover.ts';
import { Journal } from '../../src/worker/supervisor/journal.ts';
import type { AttemptMessage, StartRequest } from '../../src/worker/supervisor/protocol.ts';
import { Supervisor } from '../../src/worker/supervisor/supervisor.ts';
import { Worker } from '../../src/worker/worker.ts';
import type { Consul } from './chaos-coordinator.ts';
import type { ObservedStart } from './history.ts';
import type { Random } from './random.ts';
import { follow } from './simulated-follower.ts';
import type { SimulatedPods } from './simulated-pods.ts';
import { as, Process } from './virtual-time.ts';

export interface WorkerParts {
  readonly name: string;
  readonly consul: Consul;
  readonly ingest: ReportIngest;
  readonly random: Random;
  readonly logger: Logger;
  /** Where the supervisors' journals go. */
  readonly directory: string;
  readonly capacity: number;
  readonly starts: ObservedStart[];
  readonly pods: SimulatedPods;
  /** The most attempts at a run of this job; where there may be several, some fail. */
  readonly attempts: (job: string) => number;
  /** How long a run of this job takes, in ms. */
  readonly duration: (job: string) => number;
}

/** A worker and its supervisor as two processes, with a spool that outlives the first. */
export class SimulatedWorker {
  readonly id: WorkerId;
  readonly process: Process;
  readonly worker: Worker;
  readonly #parts: WorkerParts;
  readonly #supervising: Process;
  readonly #supervisor: Supervisor;
  readonly #connection: Coordinator;
  /** Reports that are on disk and not yet committed. */
  readonly #spool: Report[] = [];
  #delivered = 0;
  #delivering: NodeJS.Timeout | undefined;
  #ready = false;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    const { name, consul, logger } = parts;
    this.id = name as WorkerId;
    this.process = new Process(name);
    this.#supervising = new Process(`${name}'s supervisor`);
    this.#connection = consul.connect(this.#supervising);
    let hear: (message: AttemptMessage) => void = () => {};
    this.#supervisor = new Supervisor({
      send: (message, done) => {
        done();
        if (message.type !== 'ready' && message.type !== 'bye') this.#post(this.process, () => hear(message));
      },
      journal: new Journal(parts.directory),
      executors: { shell: this.#executor(), http: this.#executor(), kubernetes: this.#executor() },
      logger,
    });
    this.worker = as(this.process, () => {
      return new Worker({
        id: this.id,
        name,
        labels: {},
        capacity: parts.capacity,
        executors: ['shell', 'http', 'kubernetes'],
        kubernetes: true,
        version: 'test',
        healthAddress: { host: '127.0.0.1', port: 1 },
        coordinator: consul.connect(this.process),
        supervisor: say => {
          hear = say;
          return this.#channel();
        },
        spool: {
          append: async reports => {
            await new Promise(resolve => setTimeout(resolve, parts.random.between(0.1, 4)));
            this.#spool.push(...reports);
          },
        },
        drain: 8_000,
        logger,
      });
    });
  }

  get live(): boolean {
    return this.process.state !== 'dead';
  }

  start(): Promise<void> {
    this.#deliverOn();
    return as(this.process, () => this.worker.start());
  }

  stop(): Promise<void> {
    return as(this.process, () => this.worker.stop());
  }

  /** As by `kill -9`. Its supervisor puts its affairs in order, unless the node dies with it. */
  kill(withNode: boolean): void {
    const { consul, logger } = this.#parts;
    this.process.die();
    // Nobody answers at its port: the agent finds that within the second. With the node, gossip does.
    as(undefined, () =>
      setTimeout(
        () => consul.memory.overrideCheck(`${this.id}:alive`, 'critical'),
        withNode ? this.#parts.random.between(3_000, 9_000) : this.#parts.random.between(50, 1_100),
      ),
    );
    if (withNode) {
      this.#supervising.die();
      for (const one of this.#parts.starts) if (one.worker === this.id && !one.inPod) one.endedAt ??= Date.now();
      return;
    }
    const { session, epoch } = this.#supervisor;
    as(this.#supervising, () => {
      void this.#supervisor.close({ kind: 'lost', why: 'its worker died' }, 300);
      const estate = {
        worker: this.id,
        session,
        epoch,
        forgottenUntil: undefined,
        serviceId: this.id,
        status: (id: Parameters<Supervisor['status']>[0]) => this.#supervisor.status(id),
      };
      void handOver(this.#connection, estate, { logger });
    });
  }

  /** Delivers what is left in the spool. @throws when it could not be committed */
  async flush(): Promise<void> {
    await this.#deliver(1);
  }

  /** The IPC channel, seen from the worker. */
  #channel(): SupervisorPort {
    const worker = this;
    const tell = (what: () => void) => this.#post(this.#supervising, what);
    return {
      get ready() {
        return worker.#ready;
      },
      start: async () => {
        this.#ready = true;
      },
      stop: async ({ grace = 5_000 } = {}) => {
        this.#ready = false;
        await as(this.#supervising, () =>
          this.#supervisor.close({ kind: 'killed', by: 'the stop of its worker' }, grace),
        );
        await new Promise(resolve => setTimeout(resolve, 20));
      },
      launch: request => tell(() => this.#supervisor.handle({ type: 'start', request })),
      detach: () => tell(() => this.#supervisor.handle({ type: 'detach' })),
      kill: (run, attempt, by) => tell(() => this.#supervisor.handle({ type: 'kill', run, attempt, by })),
      callback: (run, attempt, answer) =>
        tell(() => this.#supervisor.handle({ type: 'callback', run, attempt, answer })),
      lease: lease => tell(() => this.#supervisor.handle({ type: 'lease', lease })),
      session: (session, epoch) =>
        tell(() =>
          this.#supervisor.handle({
            type: 'session',
            ...(session !== undefined && { session }),
            ...(epoch !== undefined && { epoch }),
          }),
        ),
    };
  }

  /** A message that was sent arrives, in order, also after its sender's death. */
  #post(to: Process, what: () => void): void {
    as(to, () => setTimeout(what, 1));
  }

  #executor(): Executor {
    return { execute: (request, hooks) => this.#execute(request, hooks.started) };
  }

  /** No process: an entry in the list of starts, and its end. */
  #execute(request: StartRequest, started: (pid?: number) => void): Execution {
    const { starts, attempts, duration, random, pods } = this.#parts;
    const inPod = request.executor.kubernetes !== undefined;
    const job = `${request.env.CRONMESH_NAMESPACE}/${request.env.CRONMESH_JOB}`;
    const tick = request.env.CRONMESH_TICK;
    const observed: ObservedStart = {
      job,
      run: request.run,
      attempt: request.attempt,
      tick: tick === undefined ? undefined : Date.parse(tick),
      worker: this.id,
      token: request.env.CRONMESH_FENCING_TOKEN ?? '',
      most: request.atOnce,
      whole: wholeOf(job, request.run),
      group: isGroupLock(request.lockKey) ? request.lockKey : undefined,
      inPod,
      attempts: attempts(job),
      at: Date.now(),
      endedAt: undefined,
    };
    if (inPod) return follow(pods, request, observed, random, duration(job), () => started());
    starts.push(observed);
    const result = Promise.withResolvers<Awaited<Execution['result']>>();
    const end = (how: Awaited<Execution['result']>) => {
      if (observed.endedAt !== undefined) return;
      observed.endedAt = Date.now();
      result.resolve(how);
    };
    let ending = Number.POSITIVE_INFINITY;
    setTimeout(() => started(1), 0.5);
    const fails = attempts(job) > 1 && random.chance(0.4);
    setTimeout(() => end(fails ? { outcome: 'Failed', exitCode: 75 } : { outcome: 'Succeeded' }), duration(job));
    return {
      result: result.promise,
      end: (reason, grace) => {
        // A stubborn one needs its whole grace.
        const at = Date.now() + (random.chance(0.5) ? grace : random.between(0, grace));
        if (at >= ending) return;
        ending = at;
        const outcome = { killed: 'Killed', lost: 'Lost', timeout: 'TimedOut' } as const;
        setTimeout(() => end({ outcome: outcome[reason.kind], message: reason.kind }), at - Date.now());
      },
    };
  }

  /** The volume outlives the process: a successor delivers what it finds, later. */
  #deliverOn(): void {
    const { random, consul } = this.#parts;
    as(undefined, () => {
      const again = () => {
        const wait = this.live ? random.between(50, 400) : random.between(2_000, 10_000);
        this.#delivering = setTimeout(() => {
          if (this.process.state === 'frozen') again();
          else
            void this.#deliver(consul.weather.unheard)
              .catch(() => {})
              .finally(again);
        }, wait);
      };
      again();
    });
  }

  async #deliver(unheard: number): Promise<void> {
    const { ingest, random } = this.#parts;
    const reports = this.#spool.slice(this.#delivered, this.#delivered + 500);
    if (reports.length === 0) return;
    await ingest.ingest({ worker: this.id, spool: this.id, first: this.#delivered, reports });
    // Committed, and nobody hears of it: it is delivered once more.
    if (unheard < 1 && random.chance(unheard)) return;
    this.#delivered += reports.length;
  }

  /** Whether all reports are committed. */
  get isDelivered(): boolean {
    return this.#delivered === this.#spool.length;
  }

  close(): void {
    clearTimeout(this.#delivering);
  }
}

/** By the job's name: see `kinds`. */
function wholeOf(job: string, run: string): string | undefined {
  return /\/(shards|all)-forbid/.test(job) ? run.slice(0, run.lastIndexOf('-')) : undefined;
}
