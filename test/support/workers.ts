import { setTimeout as delay } from 'node:timers/promises';
import { CoordinationError, type Coordinator } from '../../src/coordination/coordinator.ts';
import { publish } from '../../src/coordination/feed.ts';
import { epochKey } from '../../src/coordination/keys.ts';
import { decode, type EpochRecord, encode, type JobRecord } from '../../src/coordination/records.ts';
import { type JobKey, type JobUid, jobKey } from '../../src/domain/job/job.ts';
import { type JobSpecInput, jobSpec } from '../../src/domain/job/spec.ts';
import type { FinishedReport, Report, SkippedReport } from '../../src/domain/run/report.ts';
import type { RunId, WorkerId } from '../../src/domain/run/run.ts';
import { silentLogger } from '../../src/observability/logger.ts';
import type { Supervisor } from '../../src/worker/ports.ts';
import type { AttemptMessage, AttemptResult, StartRequest } from '../../src/worker/supervisor/protocol.ts';
import { Worker, type WorkerOptions } from '../../src/worker/worker.ts';

/** A start as a fake supervisor saw it. */
export interface Start {
  readonly worker: WorkerId;
  readonly request: StartRequest;
  readonly at: number;
  endedAt?: number;
}

/** A run that goes on whatever becomes of its worker. */
export class Pod {
  readonly #over = Promise.withResolvers<'Succeeded' | 'Killed'>();
  readonly #start: Start;

  constructor(start: Start, duration: number) {
    this.#start = start;
    setTimeout(() => this.end('Succeeded'), duration).unref();
  }

  /** Resolves when it has ended. */
  get over(): Promise<'Succeeded' | 'Killed'> {
    return this.#over.promise;
  }

  end(outcome: 'Succeeded' | 'Killed'): void {
    this.#start.endedAt ??= Date.now();
    this.#over.resolve(outcome);
  }
}

/** What all workers of a test did, whoever they are. */
export class Ledger {
  readonly starts: Start[] = [];
  /** Runs that go on without their workers. */
  readonly pods = new Map<RunId, Pod>();
  /** Who took which of them on. */
  readonly adoptions: { readonly worker: WorkerId; readonly request: StartRequest }[] = [];
  readonly reports: Report[] = [];

  /** Starts by run and attempt. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { request } of this.starts) {
      const key = `${request.run} ${request.attempt}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  }

  startedTwice(): string[] {
    return [...this.counts()].filter(([, count]) => count > 1).map(([key]) => key);
  }

  /** The ticks of a job that were started, in order. */
  ticks(uid: JobUid): number[] {
    return this.starts
      .filter(({ request }) => request.run.startsWith(`${uid}-`) && request.env.CRONMESH_TICK !== undefined)
      .map(({ request }) => Date.parse(request.env.CRONMESH_TICK ?? ''))
      .sort((a, b) => a - b);
  }

  skips(uid: JobUid): SkippedReport[] {
    return this.reports.filter(report => report.type === 'skipped').filter(report => report.jobUid === uid);
  }

  finished(run: RunId): FinishedReport | undefined {
    return this.reports.filter(report => report.type === 'finished').find(report => report.run === run);
  }
}

/**
 * Runs nothing: says `started`, and `finished` after a while (or when killed). What a kubernetes job asks for goes on
 * without it, and is adopted.
 */
export class FakeSupervisor implements Supervisor {
  readonly #worker: WorkerId;
  readonly #record: Ledger;
  readonly #duration: () => number;
  readonly #say: (message: AttemptMessage) => void;
  readonly #result: (request: StartRequest) => AttemptResult;
  readonly #running = new Map<RunId, { start: Start; timer: NodeJS.Timeout }>();
  readonly #following = new Map<RunId, Pod>();
  #session: string | undefined;
  ready = false;
  /** Refuses the next so many starts. */
  refuse = 0;

  constructor(
    worker: WorkerId,
    record: Ledger,
    duration: () => number,
    say: (message: AttemptMessage) => void,
    result: (request: StartRequest) => AttemptResult = () => ({ outcome: 'Succeeded' }),
  ) {
    this.#result = result;
    this.#worker = worker;
    this.#record = record;
    this.#duration = duration;
    this.#say = say;
  }

  async start(): Promise<void> {
    this.ready = true;
  }

  async stop(): Promise<void> {
    this.detach();
    for (const run of [...this.#running.keys()]) this.#finish(run, { outcome: 'Killed' });
    this.ready = false;
    await delay(0);
  }

  launch(request: StartRequest): void {
    const { run, attempt } = request;
    if (this.refuse > 0) {
      this.refuse--;
      setImmediate(() => this.#say({ type: 'refused', run, attempt, reason: 'the test wanted it' }));
      return;
    }
    if (request.handovers > 0) {
      this.#record.adoptions.push({ worker: this.#worker, request });
      this.#follow(request, this.#record.pods.get(run));
      return;
    }
    const start: Start = { worker: this.#worker, request, at: Date.now() };
    this.#record.starts.push(start);
    if (request.executor.kubernetes !== undefined) {
      const pod = new Pod(start, this.#duration());
      this.#record.pods.set(run, pod);
      this.#follow(request, pod);
      return;
    }
    const timer = setTimeout(() => this.#finish(run, this.#result(request)), this.#duration());
    this.#running.set(run, { start, timer });
    setImmediate(() => {
      const at = Date.now();
      this.#say({ type: 'started', run, attempt, at, pid: 1 });
      this.#say({ type: 'output', run, attempt, at, sequence: 0, stream: 'stdout', text: `attempt ${attempt}\n` });
    });
  }

  /** What it runs asks no server. */
  callback(): void {}

  kill(run: RunId): void {
    this.#following.get(run)?.end('Killed');
    this.#finish(run, { outcome: 'Killed' });
  }

  detach(): void {
    for (const run of [...this.#following.keys()]) {
      this.#following.delete(run);
      setImmediate(() => this.#say({ type: 'detached', run, attempt: 1, reason: 'the test wanted it' }));
    }
  }

  lease(): void {}

  session(session?: string): void {
    const lost = this.#session !== undefined && this.#session !== session;
    this.#session = session;
    if (!lost) return;
    this.detach();
    for (const [run, { start }] of [...this.#running])
      if (start.request.exclusive) this.#finish(run, { outcome: 'Lost' });
  }

  /** As by `kill -9`: nothing is said any more, and what ran is gone. */
  die(): void {
    for (const { start, timer } of this.#running.values()) {
      clearTimeout(timer);
      start.endedAt = Date.now();
    }
    this.#running.clear();
    this.#following.clear();
    this.ready = false;
  }

  #follow({ run, attempt }: StartRequest, pod: Pod | undefined): void {
    if (pod === undefined) {
      const result = { outcome: 'Lost', message: 'not found' } as const;
      setImmediate(() => this.#say({ type: 'finished', run, attempt, at: Date.now(), result }));
      return;
    }
    this.#following.set(run, pod);
    setImmediate(() => this.#say({ type: 'started', run, attempt, at: Date.now() }));
    void pod.over.then(outcome => {
      if (this.#following.get(run) !== pod) return;
      this.#following.delete(run);
      this.#say({ type: 'finished', run, attempt, at: Date.now(), result: { outcome } });
    });
  }

  #finish(run: RunId, result: AttemptResult): void {
    const running = this.#running.get(run);
    if (running === undefined) return;
    this.#running.delete(run);
    clearTimeout(running.timer);
    const at = Date.now();
    running.start.endedAt = at;
    this.#say({ type: 'finished', run, attempt: running.start.request.attempt, at, result });
  }
}

export interface TestWorker {
  readonly id: WorkerId;
  readonly worker: Worker;
  readonly supervisor: FakeSupervisor;
  readonly coordinator: CuttableCoordinator;
}

/** A coordinator that one worker uses, which can be cut off from it: as a dead process is. */
export type CuttableCoordinator = Coordinator & {
  cut(): void;
  /** Ends every call that was cut off, so that the worker can be stopped. */
  bury(): void;
};

export function cuttable(inner: Coordinator): CuttableCoordinator {
  let dead = false;
  const burial = Promise.withResolvers<never>();
  burial.promise.catch(() => {});
  const own: Record<string, () => void> = {
    cut: () => {
      dead = true;
    },
    bury: () => burial.reject(new CoordinationError('the worker is dead', 'refused')),
  };
  return new Proxy(inner, {
    get(target, name) {
      if (typeof name === 'string' && own[name]) return own[name];
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      // A dead process neither sends nor hears.
      return (...args: unknown[]) => {
        if (dead) return burial.promise;
        const result = (value as (...args: unknown[]) => unknown).apply(target, args);
        return result instanceof Promise ? result.then(answer => (dead ? burial.promise : answer)) : result;
      };
    },
  }) as CuttableCoordinator;
}

export function makeWorker(
  coordinator: Coordinator,
  record: Ledger,
  options: {
    readonly name: string;
    readonly duration?: () => number;
    readonly result?: (request: StartRequest) => AttemptResult;
  } & Partial<WorkerOptions>,
): TestWorker {
  const { name, duration = () => 5, result, ...rest } = options;
  const id = `${name}-t1` as WorkerId;
  const own = cuttable(coordinator);
  let supervisor: FakeSupervisor | undefined;
  const worker = new Worker({
    id,
    labels: {},
    capacity: 10_000,
    executors: ['shell', 'http'],
    kubernetes: false,
    version: 'test',
    healthAddress: { host: '127.0.0.1', port: 1 },
    coordinator: own,
    supervisor: say => {
      supervisor = new FakeSupervisor(id, record, duration, say, result);
      return supervisor;
    },
    spool: {
      append: async reports => {
        record.reports.push(...reports);
      },
    },
    drain: 5_000,
    logger: silentLogger,
    ...rest,
    name,
  });
  if (supervisor === undefined) throw new Error('the worker made no supervisor');
  return { id, worker, supervisor, coordinator: own };
}

/** What a leader does for the epoch, and nothing else of it. */
export class EpochStandIn {
  readonly #coordinator: Coordinator;
  #record: EpochRecord;
  #index = 0;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();
  /** Beats that were refused: Consul lost its past. */
  refused = 0;

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator;
    this.#record = { v: 1, number: 1, floor: 0, beat: 0, leader: 'stand-in', at: Date.now() };
  }

  /** A new leader that takes what Consul shows for the present. */
  static async goOn(coordinator: Coordinator): Promise<EpochStandIn> {
    const entry = await coordinator.get(epochKey);
    const standIn = new EpochStandIn(coordinator);
    if (entry === undefined) return standIn;
    standIn.#record = decode<EpochRecord>(entry);
    standIn.#index = entry.index;
    return standIn;
  }

  async start(every = 100): Promise<void> {
    await this.#beat();
    this.#timer = setInterval(() => {
      this.#turn = this.#turn.then(() => this.#beat()).catch(() => {});
    }, every);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#turn;
  }

  /** After a lost past: the next number, with now as floor. */
  async next(): Promise<EpochRecord> {
    await this.#turn;
    const { number, beat } = this.#record;
    this.#record = { ...this.#record, number: number + 1, beat: beat + 1, floor: Date.now(), at: Date.now() };
    const answer = await this.#coordinator.transact([{ verb: 'set', key: epochKey, value: encode(this.#record) }]);
    this.#index = (answer.ok && answer.entries[0]?.index) || 0;
    return this.#record;
  }

  async #beat(): Promise<void> {
    const record = { ...this.#record, beat: this.#record.beat + 1, at: Date.now() };
    const answer = await this.#coordinator.transact([
      { verb: 'cas', key: epochKey, value: encode(record), index: this.#index },
    ]);
    if (answer.ok) {
      this.#record = record;
      this.#index = answer.entries[0]?.index ?? 0;
    } else this.refused++;
  }
}

export const readEpoch = async (coordinator: Coordinator): Promise<EpochRecord | undefined> => {
  const entry = await coordinator.get(epochKey);
  return entry && decode<EpochRecord>(entry);
};

let uids = 0;

/** A job as a master would publish it. Its floor is now, unless told otherwise. */
export function makeJob(
  name: string,
  spec: Partial<JobSpecInput> & { schedule: string },
  rest: Partial<JobRecord> = {},
): JobRecord {
  const now = Date.now();
  uids++;
  return {
    v: 1,
    uid: `uid${uids.toString(36).padStart(13, '0')}` as JobUid,
    namespace: 'default',
    name,
    labels: {},
    annotations: {},
    spec: jobSpec.parse({ executor: { shell: { command: 'true' } }, ...spec }),
    revision: 1,
    floor: now,
    anchor: now,
    source: 'api',
    createdAt: now,
    updatedAt: now,
    ...rest,
  };
}

export async function publishJobs(coordinator: Coordinator, jobs: readonly JobRecord[]): Promise<void> {
  const byKey = new Map<JobKey, JobRecord>(jobs.map(job => [jobKey(job), job]));
  await publish(coordinator, [...byKey.keys()], async keys => {
    return new Map(keys.flatMap(key => (byKey.has(key) ? [[key, byKey.get(key) as JobRecord]] : [])));
  });
}

/** Resolves when the check gives something. */
export async function until<T>(what: string, check: () => T | undefined | false, within = 30_000): Promise<T> {
  const end = Date.now() + within;
  for (;;) {
    const value = check();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${within} ms`);
    await delay(10);
  }
}

/** How often each of them befalls a transaction that writes, 0 to 1. */
export interface Mishaps {
  /** It never reaches the server. */
  readonly request: number;
  /** It is carried out, and nobody hears of it. */
  readonly answer: number;
  /** Nobody hears of it, and it is carried out up to half a second later. */
  readonly late: number;
  readonly refused: number;
}

/** A network at its worst: transactions get no answer and are carried out, or not, or later. */
export function chaotic(inner: Coordinator, mishaps: Mishaps): Coordinator {
  const noAnswer = () => new CoordinationError('timed out', 'unknown');
  const transact: Coordinator['transact'] = async operations => {
    if (operations.every(({ verb }) => verb.startsWith('get'))) return await inner.transact(operations);
    const dice = Math.random();
    const { request, answer, late, refused } = mishaps;
    if (dice < request) throw noAnswer();
    if (dice < request + answer) {
      await inner.transact(operations);
      throw noAnswer();
    }
    if (dice < request + answer + late) {
      setTimeout(() => void inner.transact(operations).catch(() => {}), Math.random() * 500);
      throw noAnswer();
    }
    if (dice < request + answer + late + refused) throw new CoordinationError('busy', 'refused', 429);
    return await inner.transact(operations);
  };
  return new Proxy(inner, {
    get(target, name) {
      if (name === 'transact') return transact;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
