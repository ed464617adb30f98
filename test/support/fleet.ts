import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConsulCoordinator } from '../../src/coordination/consul/consul.ts';
import type { Job } from '../../src/domain/job/job.ts';
import { makeJobUid } from '../../src/domain/job/job.ts';
import { type JobSpecInput, jobSpec } from '../../src/domain/job/spec.ts';
import type { Report } from '../../src/domain/run/report.ts';
import type { WorkerId } from '../../src/domain/run/run.ts';
import { leaderTiming } from '../../src/master/leader/timing.ts';
import { silentLogger } from '../../src/observability/logger.ts';
import { openPostgresStore } from '../../src/store/prisma/index.ts';
import type { Skip, Store } from '../../src/store/store.ts';
import { type ConsulServer, startConsul } from './consul.ts';
import { quick, TestMaster } from './leader.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';
import { Ledger, makeWorker, type TestWorker, until } from './workers.ts';

const timing = { ...leaderTiming, ...quick, beatEvery: 200, epochWait: 2_000, lostAfter: 20_000, lostGrace: 1_000 };

/** Masters and workers of one process on a real Consul and a real PostgreSQL; what workers report is committed there. */
export class Fleet {
  readonly ledger = new Ledger();
  readonly workers: TestWorker[] = [];
  readonly masters: TestMaster[] = [];
  readonly consul: ConsulServer;
  readonly store: Store;
  readonly #postgres: PostgresServer;
  readonly #health: Server;
  readonly #coordinators: ConsulCoordinator[] = [];
  #reports: Promise<void> = Promise.resolve();

  private constructor(consul: ConsulServer, postgres: PostgresServer, store: Store, health: Server) {
    this.consul = consul;
    this.#postgres = postgres;
    this.store = store;
    this.#health = health;
  }

  static async open(): Promise<Fleet> {
    const [consul, postgres] = await Promise.all([startConsul(), startPostgres()]);
    const store = await openPostgresStore({ url: postgres.url, poolSize: 10, logger: silentLogger });
    await store.migrate();
    const health = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
    await once(health, 'listening');
    return new Fleet(consul, postgres, store, health);
  }

  /** Of a server that answers. */
  get healthAddress(): { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: (this.#health.address() as AddressInfo).port };
  }

  connect(): ConsulCoordinator {
    const coordinator = new ConsulCoordinator({ address: this.consul.address });
    this.#coordinators.push(coordinator);
    return coordinator;
  }

  async addMaster(): Promise<TestMaster> {
    const parts = {
      coordinator: this.connect(),
      store: this.store,
      clock: Date.now,
      master: `master-${this.masters.length}`,
    };
    const master = new TestMaster(parts, { timing });
    this.masters.push(master);
    return await master.start();
  }

  async addWorkers(
    count: number,
    options: Partial<Omit<Parameters<typeof makeWorker>[2], 'name'>> = {},
  ): Promise<void> {
    const first = this.workers.length;
    const made = Array.from({ length: count }, (_, i) => {
      const name = `worker-${first + i}`;
      return makeWorker(this.connect(), this.ledger, {
        name,
        healthAddress: this.healthAddress,
        spool: { append: reports => this.#commit(`${name}-t1` as WorkerId, reports) },
        ...options,
      });
    });
    this.workers.push(...made);
    await Promise.all(made.map(({ worker }) => worker.start()));
    await until('all workers are ready', () => made.every(({ worker }) => worker.status().ready), 60_000);
  }

  /** Makes jobs in the database, as REST does, and has them published. */
  async addJobs(names: readonly string[], spec: Partial<JobSpecInput>, namespace = 'default'): Promise<Job[]> {
    const jobs: Job[] = [];
    for (const name of names) {
      const uid = makeJobUid(crypto.getRandomValues(new Uint8Array(16)));
      const parsed = jobSpec.parse({ schedule: '* * * * * *', executor: { shell: { command: 'true' } }, ...spec });
      const base = { uid, namespace, name, labels: {}, annotations: {}, source: 'api' } as const;
      jobs.push(await this.store.createJob({ ...base, spec: parsed, now: Date.now() }));
    }
    await this.masters[0]?.publisher.publish(jobs.map(({ namespace, name }) => ({ namespace, name })));
    return jobs;
  }

  /** Everything that was reported is in the database. */
  async committed(): Promise<void> {
    await this.#reports;
  }

  /** What the database says of ticks in (after, until], by job and tick: `run`, or a skip's reason; a tick may have both. */
  async accounts(after: number, until: number): Promise<ReadonlyMap<string, ReadonlyMap<number, readonly string[]>>> {
    const told = new Map<string, Map<number, string[]>>();
    const add = (job: string, tick: number, what: string) => {
      if (tick <= after || tick > until) return;
      const ofJob = told.get(job) ?? new Map<number, string[]>();
      told.set(job, ofJob);
      ofJob.set(tick, [...(ofJob.get(tick) ?? []), what]);
    };
    let cursor: string | undefined;
    do {
      const filter = { since: after, until: until + 1, limit: 500, ...(cursor !== undefined && { cursor }) };
      const { items, next } = await this.store.listRuns(filter);
      for (const run of items) if (run.tick !== undefined) add(run.name, run.tick, 'run');
      cursor = next;
    } while (cursor !== undefined);
    for (const { name, from, to, reason } of await this.skips())
      for (let tick = from; tick <= to; tick += 1_000) add(name, tick, reason);
    return told;
  }

  skips(): Promise<readonly Skip[]> {
    return this.store.listSkips({ limit: 50_000 });
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map(({ worker }) => worker.stop()));
    await this.committed().catch(() => {});
    for (const master of this.masters) await master.stop();
    await Promise.all(this.#coordinators.map(coordinator => coordinator.close()));
    this.#health.closeAllConnections();
    await new Promise(resolve => this.#health.close(resolve));
    await this.store.close();
    await this.consul.stop();
    await this.#postgres.stop();
  }

  #waiting = new Map<WorkerId, Report[]>();

  /** Many together, as the masters commit them. */
  async #commit(worker: WorkerId, reports: readonly Report[]): Promise<void> {
    this.ledger.reports.push(...reports);
    const others = this.#waiting.get(worker);
    if (others !== undefined) {
      others.push(...reports);
      return;
    }
    this.#waiting.set(worker, [...reports]);
    this.#reports = this.#reports
      .then(() => new Promise(resolve => setTimeout(resolve, 20)))
      .then(async () => {
        const all = this.#waiting.get(worker) ?? [];
        this.#waiting.delete(worker);
        await this.store.applyReports(worker, all, Date.now());
      });
  }
}
