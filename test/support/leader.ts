import { randomBytes } from 'node:crypto';
import { Registry } from 'prom-client';
import type { Coordinator } from '../../src/coordination/coordinator.ts';
import { cursorPath, epochKey, lockPath, triggerPath } from '../../src/coordination/keys.ts';
import {
  type CursorRecord,
  decode,
  type EpochRecord,
  encode,
  type LockRecord,
  type TriggerRecord,
} from '../../src/coordination/records.ts';
import { encodeWorkerMeta, workerService } from '../../src/coordination/worker-service.ts';
import { type Job, jobKey, makeJobUid } from '../../src/domain/job/job.ts';
import { type JobSpecInput, jobSpec } from '../../src/domain/job/spec.ts';
import { tickRunId, type WorkerId } from '../../src/domain/run/run.ts';
import type { Instant } from '../../src/domain/time.ts';
import { Leader, type LeaderOptions } from '../../src/master/leader/leader.ts';
import type { LeaderTiming } from '../../src/master/leader/timing.ts';
import { FreezeService } from '../../src/master/services/freezes.ts';
import { Publisher } from '../../src/master/services/publisher.ts';
import { WorkerDirectory } from '../../src/master/services/workers.ts';
import { type Logger, silentLogger } from '../../src/observability/logger.ts';
import type { Skip, Store } from '../../src/store/store.ts';
import { eventually } from './process.ts';

/** Times at which a leader's work can be seen within a test; `auditAfter` stays the protocol's. */
export const quick: Partial<LeaderTiming> = {
  beatEvery: 50,
  epochWait: 300,
  sweepEvery: 50,
  auditEvery: 30,
  auditSpacing: 30,
  recheckEvery: 60,
  lostAfter: 400,
  lostGrace: 200,
  clearEvery: 80,
  quietAfter: 300,
  reloadEvery: 500,
  compareEvery: 200,
};

/** One master without its network: directory, publisher and leader. */
export class TestMaster {
  readonly registry = new Registry();
  readonly publisher: Publisher;
  readonly workers: WorkerDirectory;
  readonly freezes: FreezeService;
  readonly leader: Leader;

  constructor(
    parts: { coordinator: Coordinator; store: Store; clock: () => Instant; master?: string; logger?: Logger },
    options: Partial<LeaderOptions> = {},
  ) {
    const { coordinator, store, clock, master = 'master-1', logger = silentLogger } = parts;
    const { registry } = this;
    this.publisher = new Publisher({ coordinator, store, logger, clock });
    this.workers = new WorkerDirectory({ coordinator, logger, clock });
    this.freezes = new FreezeService({ coordinator, store, logger, clock, clockOk: () => true });
    this.leader = new Leader({
      coordinator,
      store,
      publisher: this.publisher,
      workers: this.workers,
      freezes: this.freezes,
      master,
      logger,
      registry,
      clock,
      timing: quick,
      ...options,
    });
  }

  async start(): Promise<this> {
    await this.workers.start();
    await this.publisher.start();
    await this.leader.start();
    return this;
  }

  async stop(): Promise<void> {
    await this.leader.stop();
    await this.publisher.stop();
    await this.workers.stop();
  }
}

/** Real time, counted from an instant of the test's choice. */
export function clockFrom(instant: string): () => Instant {
  const offset = Date.parse(instant) - Date.now();
  return () => Date.now() + offset;
}

/** Puts a job into the database as if it had been made at `floor`. */
export async function makeJob(
  store: Store,
  name: string,
  floor: string,
  spec: Partial<JobSpecInput> = {},
): Promise<Job> {
  return await store.createJob({
    uid: makeJobUid(randomBytes(16)),
    namespace: 'default',
    name,
    labels: {},
    annotations: {},
    spec: jobSpec.parse({ schedule: '* * * * *', executor: { shell: { command: 'true' } }, ...spec }),
    source: 'api',
    now: Date.parse(floor),
  });
}

/** A ready worker in the catalog. */
export async function registerWorker(
  coordinator: Coordinator,
  id: string,
  labels: Record<string, string> = {},
): Promise<void> {
  const meta = encodeWorkerMeta({
    name: id,
    labels,
    executors: ['shell', 'http'],
    kubernetes: false,
    capacity: 10,
    version: '0',
  });
  await coordinator.register({ service: workerService, id, address: '127.0.0.1', port: 1, meta, checks: [] });
}

/** Decides a tick as a worker does: cursor, and (with a session) the lock. */
export async function claim(
  coordinator: Coordinator,
  job: Job,
  tick: Instant,
  options: { session?: string; slot?: number; gaps?: CursorRecord['gaps']; worker?: string } = {},
): Promise<void> {
  const run = tickRunId(job.uid, tick);
  const worker = (options.worker ?? 'worker-1') as WorkerId;
  const key = cursorPath(jobKey(job));
  const before = await coordinator.get(key);
  const cursor: CursorRecord = { v: 1, uid: job.uid, tick, decision: 'run', run, worker, gaps: options.gaps ?? [] };
  const base = { v: 1, run, attempt: 1, worker, jobUid: job.uid, trigger: 'tick', tick } as const;
  const lock: LockRecord = { ...base, deadline: tick + 60_000 };
  const lockKey = lockPath(jobKey(job), options.slot ?? run);
  const result = await coordinator.transact([
    { verb: 'cas', key, value: encode(cursor), index: before?.index ?? 0 },
    ...(options.session === undefined
      ? []
      : [{ verb: 'lock', key: lockKey, value: encode(lock), session: options.session } as const]),
  ]);
  if (!result.ok) throw new Error(`the claim failed: ${JSON.stringify(result.failures)}`);
}

export async function cursorOf(coordinator: Coordinator, job: Job): Promise<CursorRecord | undefined> {
  const entry = await coordinator.get(cursorPath(jobKey(job)));
  return entry && decode<CursorRecord>(entry);
}

export async function triggerOf(coordinator: Coordinator, job: Job, tick: Instant): Promise<TriggerRecord | undefined> {
  const entry = await coordinator.get(triggerPath(jobKey(job), tickRunId(job.uid, tick)));
  return entry && decode<TriggerRecord>(entry);
}

/** A job's skips, oldest first. */
export async function skipsOf(store: Store, job: Job): Promise<readonly Skip[]> {
  const skips = await store.listSkips({ namespace: job.namespace, name: job.name, limit: 500 });
  return skips.toSorted((a, b) => a.from - b.from);
}

/** The epoch in Consul. */
export async function epochOf(coordinator: Coordinator): Promise<EpochRecord | undefined> {
  const entry = await coordinator.get(epochKey);
  return entry && decode<EpochRecord>(entry);
}

/** Waits for an epoch with this number whose beat has risen since. */
export async function beating(coordinator: Coordinator, number: number): Promise<EpochRecord> {
  const first = await eventually(`epoch ${number}`, async () => {
    const epoch = await epochOf(coordinator);
    return epoch?.number === number && epoch;
  });
  return await eventually('its beat', async () => {
    const epoch = await epochOf(coordinator);
    return epoch !== undefined && epoch.number === number && epoch.beat > first.beat && epoch;
  });
}
