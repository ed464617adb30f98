import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CronmeshError } from '../../src/domain/errors.ts';
import type { JobSpec, JobSpecInput } from '../../src/domain/job/spec.ts';
import { validateManifest } from '../../src/domain/job/validate.ts';
import { scheduleOf } from '../../src/domain/schedule/index.ts';
import { ReportIngest } from '../../src/master/grpc/ingest.ts';
import type { Logger } from '../../src/observability/logger.ts';
import { openPgliteStore } from '../../src/store/prisma/index.ts';
import type { Run, Store } from '../../src/store/store.ts';
import { Consul, calm, type Weather } from './chaos-coordinator.ts';
import { type ObservedStart, type RecordedJob, violations } from './history.ts';
import { Random } from './random.ts';
import { SimulatedMaster } from './simulated-master.ts';
import { SimulatedPods } from './simulated-pods.ts';
import { SimulatedWorker } from './simulated-worker.ts';
import { VirtualTime } from './virtual-time.ts';

export interface Verdict {
  readonly violations: readonly string[];
  readonly starts: number;
  /** Runs in pods that were taken on from another worker. */
  readonly adopted: number;
  /** Starts of further attempts. */
  readonly retried: number;
  /** Runs by how they ended. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly skips: Readonly<Record<string, number>>;
  /** What was done to the cluster, with the time since the beginning in ms. */
  readonly deeds: readonly string[];
}

export interface ScenarioOptions {
  readonly seed: number;
  readonly logger: Logger;
  /** How long things go wrong, in ms. Default 60 s. */
  readonly chaosFor?: number;
}

/** In which everything is accounted for once all is well again, in ms. */
const healing = 95_000;
const began = Date.UTC(2026, 0, 5, 12, 0, 0, 500);
const shell = { shell: { command: 'true' } };
const pod = { kubernetes: { template: { spec: { containers: [{ name: 'main', image: 'true' }] } } } };
const base = { startingDeadlineSeconds: 20, timeoutSeconds: 60 } as const;

/** Short waits, so that many attempts fall into the bad times. */
const retry = { limit: 2, backoff: { initialSeconds: 1, factor: 2, maximumSeconds: 4, jitter: 0.2 } };

/** One of each kind. The name says how long a run takes, whether it is a pod, and whether it fails now and then. */
const kinds: Readonly<Record<string, Omit<JobSpecInput, 'executor'>>> = {
  'allow-20': { schedule: '* * * * * *' },
  'allow-900': { schedule: '*/2 * * * * *', misfirePolicy: 'RunAll', misfireLimit: 4 },
  'maximum-2600': { schedule: '* * * * * *', maxConcurrentRuns: 2 },
  'forbid-300': { schedule: '* * * * * *', concurrencyPolicy: 'Forbid', misfirePolicy: 'RunLatest' },
  'forbid-2500': { schedule: '* * * * * *', concurrencyPolicy: 'Forbid' },
  'retry-200': { schedule: '*/4 * * * * *', retry },
  'retry-forbid-600': { schedule: '*/4 * * * * *', concurrencyPolicy: 'Forbid', retry },
  'retry-maximum-900': { schedule: '*/4 * * * * *', maxConcurrentRuns: 3, retry },
  'pod-900': { schedule: '*/2 * * * * *' },
  'pod-maximum-9000': { schedule: '*/3 * * * * *', maxConcurrentRuns: 2 },
  'pod-forbid-2500': { schedule: '* * * * * *', concurrencyPolicy: 'Forbid' },
  'pod-forbid-20000': { schedule: '*/5 * * * * *', concurrencyPolicy: 'Forbid', misfirePolicy: 'RunLatest' },
  'shards-400': { schedule: '*/2 * * * * *', placement: { mode: 'Shards', shards: 3 } },
  'shards-forbid-900': {
    schedule: '*/2 * * * * *',
    concurrencyPolicy: 'Forbid',
    misfirePolicy: 'RunLatest',
    placement: { mode: 'Shards', shards: 4 },
  },
  'all-300': { schedule: '*/3 * * * * *', placement: { mode: 'All' } },
  'all-forbid-1500': { schedule: '*/2 * * * * *', concurrencyPolicy: 'Forbid', placement: { mode: 'All' } },
  'replace-2500': { schedule: '*/2 * * * * *', concurrencyPolicy: 'Replace' },
  'retry-replace-700': { schedule: '*/4 * * * * *', concurrencyPolicy: 'Replace', retry },
  'queue-1200': { schedule: '* * * * * *', concurrencyPolicy: 'Queue', maxQueuedRuns: 3 },
  'retry-queue-600': { schedule: '*/3 * * * * *', concurrencyPolicy: 'Queue', retry },
  'pod-replace-5000': { schedule: '*/4 * * * * *', concurrencyPolicy: 'Replace' },
  'pod-queue-2500': { schedule: '*/3 * * * * *', concurrencyPolicy: 'Queue', maxQueuedRuns: 2 },
  'group-forbid-700': { schedule: '*/2 * * * * *', concurrencyPolicy: 'Forbid', concurrencyGroup: 'shared' },
  'group-queue-900': { schedule: '*/3 * * * * *', concurrencyPolicy: 'Queue', concurrencyGroup: 'shared' },
  'group-replace-1500': { schedule: '*/5 * * * * *', concurrencyPolicy: 'Replace', concurrencyGroup: 'shared' },
  'forbid-6000': { schedule: '*/5 * * * * *', concurrencyPolicy: 'Forbid', misfirePolicy: 'RunAll' },
};

/** Runs a cluster through bad times that the seed makes, lets it heal, and judges what happened. */
export class Scenario {
  readonly #random: Random;
  readonly #options: ScenarioOptions;
  readonly #starts: ObservedStart[] = [];
  readonly #pods = new SimulatedPods(this.#starts);
  readonly #asked: string[] = [];
  readonly #deeds: string[] = [];
  readonly #uids = new Map<string, string>();
  readonly #directory = mkdtempSync(join(tmpdir(), 'cronmesh-chaos-'));
  #workers: SimulatedWorker[] = [];
  #masters: SimulatedMaster[] = [];
  #made = 0;
  #busy = 0;

  /**
   * Jobs become pods and shell commands, and back. Then Consul keeps its past: a pod whose lock was lost with it is known
   * to Kubernetes alone, which keeps pods of its job apart from it, but no shell command (docs/limits.md).
   */
  readonly #changesKinds: boolean;

  private constructor(options: ScenarioOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#changesKinds = options.seed % 3 === 0;
  }

  static async run(options: ScenarioOptions): Promise<Verdict> {
    const scenario = new Scenario(options);
    const store = scenario.#counted(await openPgliteStore());
    await store.migrate();
    const time = new VirtualTime(began, () => scenario.#busy > 0);
    const random = Math.random;
    Math.random = new Random(options.seed ^ 0x5eed).next;
    try {
      return await scenario.#play(time, store);
    } finally {
      Math.random = random;
      time.uninstall();
      await store.close();
      rmSync(scenario.#directory, { recursive: true, force: true });
    }
  }

  async #play(time: VirtualTime, store: Store): Promise<Verdict> {
    const random = this.#random;
    const consul = new Consul(random);
    const ingest = new ReportIngest({ store, logger: this.#options.logger });
    const masters = 1 + Math.floor(random.next() * 2);
    for (let i = 1; i <= masters; i++) {
      this.#masters.push(
        new SimulatedMaster({ name: `master-${i}`, consul, store, random, logger: this.#options.logger }),
      );
    }
    await time.until(Promise.all(this.#masters.map(master => master.start())), 30_000);
    const workers = 2 + Math.floor(random.next() * 3);
    for (let i = 0; i < workers; i++) this.#addWorker(consul, ingest);
    for (const [name, spec] of Object.entries(kinds)) await time.until(this.#create(name, spec), 30_000);
    await time.pass(3_000);
    const end = time.now + (this.#options.chaosFor ?? 60_000);
    consul.weather = this.#weather();
    while (time.now < end) {
      await time.pass(random.between(200, 5_000));
      await this.#deed(time, consul, ingest);
    }
    this.#note(time, 'all is well');
    consul.weather = calm;
    this.#pods.awayUntil = 0;
    for (const { process } of [...this.#workers, ...this.#masters]) process.thaw();
    if (!this.#workers.some(one => one.live)) this.#addWorker(consul, ingest);
    await time.pass(healing);
    const settled = time.now - 90_000;
    const sick = this.#unready(time.now);
    await this.#end(time, consul);
    return await this.#judge(store, settled, sick);
  }

  /** After healing every worker takes part, and ticks start on time. */
  #unready(now: number): string[] {
    const sick = this.#workers
      .filter(one => one.live && !one.worker.status().ready)
      .map(one => `${one.id} is not ready again: ${one.worker.status().reasons.join('; ')}`);
    if (!this.#masters.some(({ leader }) => leader.leading)) sick.push('nobody leads');
    const recent = this.#starts.filter(one => one.job === 'default/allow-20' && one.at > now - 10_000);
    if (recent.length < 9) sick.push(`only ${recent.length} starts in the last ten seconds`);
    return sick;
  }

  async #end(time: VirtualTime, consul: Consul): Promise<void> {
    for (const name of [...this.#uids.keys()]) await time.until(this.#suspend(name), 60_000);
    await time.pass(35_000);
    await time.until(Promise.all(this.#workers.filter(one => one.live).map(one => one.stop())), 60_000);
    for (const worker of this.#workers) while (!worker.isDelivered) await time.until(worker.flush(), 60_000);
    await time.pass(15_000);
    await time.until(Promise.all(this.#masters.map(master => master.stop())), 60_000);
    for (const worker of this.#workers) worker.close();
    await consul.close();
  }

  async #judge(store: Store, settled: number, sick: readonly string[]): Promise<Verdict> {
    const runs: Run[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await store.listRuns({ limit: 500, ...(cursor !== undefined && { cursor }) });
      runs.push(...page.items);
      cursor = page.next;
      if (cursor === undefined) break;
    }
    const skips = await store.listSkips({ limit: 100_000 });
    const jobs: RecordedJob[] = [];
    for (const uid of new Set([...this.#created])) {
      for (const spell of await store.spellsOf([uid as never])) {
        const until = Math.min(settled, spell.until ?? settled);
        const elapsed: number[] = [];
        const schedule = scheduleOf(spell);
        for (let tick = schedule.next(spell.floor); tick !== undefined && tick <= until; tick = schedule.next(tick)) {
          if (!spell.spec.suspend) elapsed.push(tick);
        }
        const own = runs.filter(one => one.jobUid === uid && one.tick !== undefined);
        jobs.push({
          uid,
          name: `${spell.namespace}/${spell.name}`,
          elapsed,
          ran: complete(own),
          skips: skips.filter(one => one.jobUid === uid),
        });
      }
    }
    const records = runs.map(one => [one.id, { reason: undefined, message: undefined, ...one }] as const);
    return {
      violations: [...violations({ starts: this.#starts, runs: new Map(records), jobs, asked: this.#asked }), ...sick],
      starts: this.#starts.length,
      adopted: this.#pods.adopted,
      retried: this.#starts.filter(({ attempt }) => attempt > 1).length,
      outcomes: count(runs.map(one => [one.state, 1])),
      skips: count(skips.map(one => [one.reason, one.count])),
      deeds: this.#deeds,
    };
  }

  #weather(): Weather {
    const random = this.#random;
    const part = (most: number) => (random.chance(0.3) ? 0 : random.between(0, most));
    return {
      refused: part(0.05),
      lost: part(0.05),
      unheard: part(0.05),
      late: part(0.05),
      slow: part(0.05),
      stale: part(0.1),
      blocking: part(0.2),
    };
  }

  /** Something happens. */
  async #deed(time: VirtualTime, consul: Consul, ingest: ReportIngest): Promise<void> {
    const random = this.#random;
    const pods = this.#pods;
    const worker = random.of(this.#workers);
    const master = random.of(this.#masters);
    // The first is left alone: it shows whether ticks start in the end.
    const name = random.of(Object.keys(kinds).slice(1));
    const dice = random.next();
    if (dice < 0.1) {
      this.#note(time, `kill ${worker.id}`);
      if (worker.live) worker.kill(random.chance(0.3));
      if (random.chance(0.8)) this.#addWorker(consul, ingest);
    } else if (dice < 0.2) {
      const wait = random.chance(0.5) ? random.between(15_000, 45_000) : random.between(200, 9_000);
      this.#note(time, `freeze ${worker.id} for ${Math.round(wait)}`);
      worker.process.freeze();
      setTimeout(() => worker.process.thaw(), wait);
    } else if (dice < 0.25) {
      const wait = random.chance(0.5) ? random.between(15_000, 45_000) : random.between(200, 9_000);
      this.#note(time, `freeze ${master.name} for ${Math.round(wait)}`);
      master.process.freeze();
      setTimeout(() => master.process.thaw(), wait);
    } else if (dice < 0.3) {
      const { session } = worker.worker.status();
      this.#note(time, `the session of ${worker.id} ends`);
      if (session !== undefined) consul.memory.expireSession(session);
    } else if (dice < 0.37 && this.#changesKinds) {
      const job = pods.deleteOne();
      this.#note(time, `delete the Job ${job}`);
    } else if (dice < 0.33) {
      this.#note(time, 'wipe');
      consul.memory.wipe();
    } else if (dice < 0.37) {
      const snapshot = consul.memory.snapshot();
      // Within one beat nobody can tell: the stated limit.
      const age = random.between(3_000, 15_000);
      this.#note(time, `restore what was ${Math.round(age)} ago`);
      await time.pass(age);
      await time.until(consul.restore(snapshot), 1_000);
    } else if (dice < 0.42) {
      this.#note(time, `drain ${worker.id}`);
      this.#addWorker(consul, ingest);
      if (worker.process.state === 'running') void worker.stop().then(() => worker.process.die());
    } else if (dice < 0.48) {
      this.#note(time, 'other weather');
      consul.weather = random.chance(0.3) ? calm : this.#weather();
    } else if (dice < 0.53) {
      const wait = random.between(500, 20_000);
      this.#note(time, `Kubernetes is away for ${Math.round(wait)}`);
      pods.awayUntil = time.now + wait;
    } else if (dice < 0.55) {
      const job = pods.deleteOne();
      this.#note(time, `delete the Job ${job}`);
    } else await this.#ask(time, master, name);
  }

  /** A user does something, through a master that answers. */
  async #ask(time: VirtualTime, master: SimulatedMaster, name: string): Promise<void> {
    if (master.process.state !== 'running') return;
    const random = this.#random;
    const dice = random.next();
    const ref = { namespace: 'default', name };
    const job = await master.jobs.get(ref).catch(() => undefined);
    if (job === undefined) {
      this.#note(time, `create ${name} again`);
      await time.until(this.#create(name, kinds[name] ?? { schedule: '@hourly' }), 60_000);
    } else if (dice < 0.5) {
      const run = await time.until(master.runs.trigger(job, 'chaos').catch(refused), 60_000);
      if (run === undefined) return;
      this.#note(time, `trigger ${run.id} of ${name}`);
      this.#asked.push(...(run.runs ?? [run]).map(({ id }) => id));
    } else if (dice < 0.58 && name.startsWith('pod') && this.#changesKinds) {
      const kind = job.spec.executor.shell === undefined ? { ...shell, kubernetes: null } : { ...pod, shell: null };
      this.#note(time, `make ${name} ${Object.keys(kind)[0]}`);
      await time.until(master.jobs.patch(ref, { spec: { executor: kind } }), 60_000);
    } else if (dice < 0.6 && name === 'pod-maximum-9000') {
      const maxConcurrentRuns = 1 + Math.floor(random.next() * 3);
      this.#note(time, `let ${maxConcurrentRuns} runs of ${name} go at once`);
      await time.until(master.jobs.patch(ref, { spec: { maxConcurrentRuns } }), 60_000);
    } else if (dice < 0.65) {
      this.#note(time, `edit ${name}`);
      await time.until(master.jobs.patch(ref, { metadata: { labels: { edited: `${Math.round(time.now)}` } } }), 60_000);
    } else if (dice < 0.75) {
      this.#note(time, `reschedule ${name}`);
      const schedule = random.of(['* * * * * *', '*/2 * * * * *', '*/3 * * * * *']);
      await time.until(master.jobs.patch(ref, { spec: { schedule } }), 60_000);
    } else if (dice < 0.85) {
      this.#note(time, `${job.spec.suspend ? 'resume' : 'suspend'} ${name}`);
      await time.until(master.jobs.setSuspended(ref, !job.spec.suspend), 60_000);
    } else if (dice < 0.93) {
      this.#note(time, `delete ${name}`);
      this.#uids.delete(name);
      await time.until(master.jobs.delete(ref), 60_000);
      if (random.chance(0.7)) await time.until(this.#create(name, kinds[name] ?? { schedule: '@hourly' }), 60_000);
    } else {
      const run = this.#starts.findLast(one => one.endedAt === undefined)?.run;
      this.#note(time, `kill ${run}`);
      if (run !== undefined)
        await time.until(
          master.runs.kill(run as never, 'chaos').catch(() => {}),
          60_000,
        );
    }
  }

  readonly #created: string[] = [];

  async #create(name: string, spec: Omit<JobSpecInput, 'executor'>): Promise<void> {
    const master = this.#masters.find(({ process }) => process.state === 'running');
    if (master === undefined) return;
    const manifest = {
      metadata: { namespace: 'default', name },
      spec: { ...base, executor: name.startsWith('pod') ? pod : shell, ...spec } as unknown as JobSpec,
    };
    const job = await master.jobs.create(validateManifest(manifest));
    this.#uids.set(name, job.uid);
    this.#created.push(job.uid);
  }

  async #suspend(name: string): Promise<void> {
    const [master] = this.#masters;
    await master?.jobs.setSuspended({ namespace: 'default', name }, true);
  }

  #addWorker(consul: Consul, ingest: ReportIngest): void {
    const { logger } = this.#options;
    const worker = new SimulatedWorker({
      name: `worker-${this.#made++}`,
      consul,
      ingest,
      random: this.#random,
      logger,
      directory: this.#directory,
      capacity: this.#random.chance(0.3) ? 4 : 50,
      starts: this.#starts,
      pods: this.#pods,
      attempts: job => (job.includes('/retry') ? 1 + retry.limit : job.includes('/shards') ? 4 : 1),
      duration: job => Number(job.slice(job.lastIndexOf('-') + 1)) * this.#random.between(0.5, 1.2),
    });
    this.#workers.push(worker);
    // As whatever keeps processes alive does.
    worker.start().catch(() => {
      worker.process.die();
      setTimeout(() => this.#addWorker(consul, ingest), 1_000);
    });
  }

  #note(time: VirtualTime, what: string): void {
    this.#deeds.push(`${Math.round(time.now - began)} ${what}`);
  }

  /** Real work, for which time stands still. */
  #counted(store: Store): Store {
    return new Proxy(store, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name, target);
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]) => {
          this.#busy++;
          try {
            return await (method.apply(target, args) as Promise<unknown>);
          } finally {
            this.#busy--;
          }
        };
      },
    });
  }
}

/** Ticks of which all runs are there. */
function complete(runs: readonly Run[]): ReadonlySet<number> {
  const ticks = Map.groupBy(runs, ({ tick }) => tick ?? 0);
  return new Set(
    [...ticks].flatMap(([tick, all]) => (all.length >= (all[0]?.particulars?.member?.count ?? 1) ? [tick] : [])),
  );
}

function count(items: readonly (readonly [string, number])[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [item, times] of items) counts[item] = (counts[item] ?? 0) + times;
  return counts;
}

/** A queue that is full or that nobody can look into now, or nobody to run it: the run was not asked for. */
function refused(error: unknown): undefined {
  if (/no ready worker/.test(String(error))) return;
  if (!(error instanceof CronmeshError) || !['QueueFull', 'Unavailable'].includes(error.code)) throw error;
}
