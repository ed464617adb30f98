import { randomBytes } from 'node:crypto';
import { Leader } from '../../src/master/leader/leader.ts';
import { Changes } from '../../src/master/services/changes.ts';
import { FreezeService } from '../../src/master/services/freezes.ts';
import { JobService } from '../../src/master/services/jobs.ts';
import { Publisher } from '../../src/master/services/publisher.ts';
import { RunService } from '../../src/master/services/runs.ts';
import { WorkerDirectory } from '../../src/master/services/workers.ts';
import type { Logger } from '../../src/observability/logger.ts';
import type { Store } from '../../src/store/store.ts';
import type { Consul } from './chaos-coordinator.ts';
import type { Random } from './random.ts';
import { as, Process } from './virtual-time.ts';

/** One master without its network: services, publisher and leader, with the times of production. */
export class SimulatedMaster {
  readonly name: string;
  readonly process: Process;
  readonly jobs: JobService;
  readonly runs: RunService;
  readonly leader: Leader;
  readonly #publisher: Publisher;
  readonly #workers: WorkerDirectory;

  constructor(parts: { name: string; consul: Consul; store: Store; random: Random; logger: Logger }) {
    const { name, consul, random, logger } = parts;
    this.name = name;
    const process = new Process(name);
    this.process = process;
    const store = throughProcess(parts.store, process);
    const coordinator = consul.connect(process);
    const { publisher, workers, leader } = as(process, () => {
      const publisher = new Publisher({ coordinator, store, logger });
      const workers = new WorkerDirectory({ coordinator, logger });
      const freezes = new FreezeService({ coordinator, store, logger, clock: Date.now, clockOk: () => true });
      return {
        publisher,
        workers,
        leader: new Leader({ coordinator, store, publisher, workers, freezes, master: name, logger }),
      };
    });
    this.#publisher = publisher;
    this.#workers = workers;
    this.leader = leader;
    const common = {
      store,
      publishing: publisher,
      changes: new Changes(),
      logger,
      clock: Date.now,
      clockOk: () => true,
    };
    const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
    this.jobs = new JobService({
      ...common,
      randomBytes: count => randomBytes(count).map(() => Math.floor(random.next() * 256)),
    });
    this.runs = new RunService({
      ...common,
      workers: this.#workers,
      randomText: count => Array.from({ length: count }, () => letters[Math.floor(random.next() * 36)]).join(''),
    });
  }

  async start(): Promise<void> {
    await as(this.process, async () => {
      await this.#workers.start();
      await this.#publisher.start();
      await this.leader.start();
    });
  }

  async stop(): Promise<void> {
    await as(this.process, async () => {
      await this.leader.stop();
      await this.#publisher.stop();
      await this.#workers.stop();
    });
  }
}

/** The store as one process sees it: answers wait while it is frozen. */
function throughProcess(store: Store, process: Process): Store {
  return new Proxy(store, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]) => {
        try {
          return await (method.apply(target, args) as Promise<unknown>);
        } finally {
          await process.awake();
        }
      };
    },
  });
}
