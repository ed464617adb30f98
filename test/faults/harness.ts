import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Driver } from './driver/driver.ts';
import { Observer } from './driver/observer.ts';
import { openRuns, readFinal } from './final/final.ts';
import type { Fault, History, RunFacts } from './history/history.ts';
import { writeHistory } from './history/write.ts';
import type { Lab } from './lab/lab.ts';
import { openLab } from './lab/open.ts';
import type { Nemesis } from './nemeses/nemesis.ts';
import { runFaults } from './nemeses/runner.ts';
import { makePlan, type Plan } from './plan/plan.ts';
import { locksFolder, type Place } from './workload/manifest.ts';
import { Receiver } from './workload/receiver.ts';
import { Truth } from './workload/truth.ts';
import { Watcher } from './workload/watcher.ts';

export interface HarnessOptions {
  readonly seed: number;
  /** How long there are faults, in milliseconds. */
  readonly duration: number;
  readonly nemeses: readonly Nemesis[];
  /** As in the plan. */
  readonly calm?: number;
  /** Gets the history, the plan, and the logs of everything. */
  readonly folder: string;
  /** Another `cronmesh` program than the checkout's own. */
  readonly product?: string;
  readonly say: (line: string) => void;
}

const shape = { workers: 3, masters: 2, servers: 3 };
/** Of each worker: all of a herd has room on two of them, and on one it has not. */
const capacity = 24;
const drainSeconds = 8;

/** Everything is made and has fired within that time of the beginning, or it is not worth breaking. */
const warmUp = 30_000;
/** Ticks are judged until so long after the last fault: firing must be normal again after 60 s. */
export const quiet = 75_000;
/** What goes on when nothing fires any more has ended by then: the longest run, its retries and their waits. */
const settle = 60_000;

/** One run: a cluster, jobs, faults, calm; leaves the history in the folder. @throws what kept it from being one */
export async function runHarness(options: HarnessOptions): Promise<History> {
  const { seed, duration, nemeses, folder, say } = options;
  mkdirSync(locksFolder(folder), { recursive: true });
  const { calm } = options;
  const plan = makePlan({ seed, duration, nemeses, shape, ...(calm !== undefined && { calm }) });
  await writeFile(join(folder, 'plan.json'), `${JSON.stringify(plan, null, 1)}\n`);
  const lab = await openLab({
    folder,
    ...shape,
    ...(options.product !== undefined && { product: options.product }),
    env: {
      worker: {
        CRONMESH_WORKER_CAPACITY: String(capacity),
        CRONMESH_WORKER_DRAIN_SECONDS: String(drainSeconds),
        CRONMESH_WORKER_ALLOW_PRIVATE_ADDRESSES: 'true',
      },
    },
  });
  const ends: (() => Promise<void> | void)[] = [() => lab.close()];
  try {
    say(`the lab is open: ${folder}`);
    return await new Run(options, plan, lab, ends).go();
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

type Times = Pick<RunFacts, 'from' | 'healedAt' | 'to'>;

class Run {
  readonly #options: HarnessOptions;
  readonly #plan: Plan;
  readonly #lab: Lab;
  /** What has to be ended, whatever happens. */
  readonly #ends: (() => Promise<void> | void)[];
  readonly #truth: Truth;
  readonly #observer: Observer;
  readonly #stopping = new AbortController();

  constructor(options: HarnessOptions, plan: Plan, lab: Lab, ends: (() => Promise<void> | void)[]) {
    this.#options = options;
    this.#plan = plan;
    this.#lab = lab;
    this.#ends = ends;
    this.#truth = new Truth(options.folder);
    this.#observer = new Observer(lab);
    ends.push(
      () => this.#truth.close(),
      () => this.#stopping.abort(),
    );
  }

  async go(): Promise<History> {
    const { folder, say } = this.#options;
    const { jobs, duration } = this.#plan;
    const driver = await this.#driver();
    await driver.createAll();
    this.#observer.start();
    this.#ends.push(() => this.#observer.stop());
    const start = await this.#warmUp();
    say(`${jobs.length} jobs fire; ${this.#plan.faults.length} faults in ${duration / 1000} s`);
    try {
      const faults = await this.#break(driver, start);
      const healedAt = Date.now();
      say('all is healed');
      await sleep(quiet);
      const to = Date.now();
      await this.#settle(driver);
      return await this.#write(driver, faults, { from: start, healedAt, to });
    } catch (error) {
      await this.#writeWhatThereIs(folder, driver);
      throw error;
    }
  }

  async #driver(): Promise<Driver> {
    const { folder } = this.#options;
    const base = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
    const watcher = new Watcher(this.#truth, folder);
    await watcher.start();
    this.#ends.push(() => watcher.stop());
    const names = new Map(this.#lab.workers.map(({ address, name }) => [address, name]));
    const receiver = new Receiver(this.#truth, base, names);
    const place: Place = { folder, base, receiver: await receiver.start(this.#lab.outside) };
    this.#ends.push(() => receiver.stop());
    return new Driver({
      masters: this.#lab.masters.map(master => master.http),
      place,
      jobs: this.#plan.jobs,
      open: () => this.#truth.open(),
      signal: this.#stopping.signal,
    });
  }

  /** Resolves with the start that the plan counts from: a full minute, at or after which everything has fired. */
  async #warmUp(): Promise<number> {
    const { jobs, duration } = this.#plan;
    const every = duration < 120_000 ? 20_000 : 60_000;
    const start = Math.ceil((Date.now() + 5_000) / every) * every;
    const silent = () => {
      const fired = new Set(this.#truth.starts.map(({ name }) => name));
      return jobs.filter(job => job.spec.schedule !== '@manually' && !fired.has(job.name)).map(job => job.name);
    };
    const deadline = start + warmUp;
    // A second after the start, all that is due then has begun.
    await sleep(start + 1_500 - Date.now());
    while (silent().length > 0) {
      if (Date.now() > deadline) throw new Error(`these jobs have never fired: ${silent().join(', ')}`);
      await sleep(200);
    }
    return start;
  }

  async #break(driver: Driver, start: number): Promise<Fault[]> {
    const { say } = this.#options;
    const { changes, faults } = this.#plan;
    const signal = this.#stopping.signal;
    const asked = changes.map(async change => {
      await sleep(Math.max(0, start + change.at - Date.now()), undefined, { signal });
      await driver.change(change);
    });
    const field = { lab: this.#lab, burst: (master: number) => driver.burst(master) };
    const broken = await runFaults(faults, { start, field, say, signal });
    await Promise.all(asked);
    await driver.finish();
    await sleep(Math.max(0, start + this.#plan.duration - Date.now()));
    // By now nothing is broken; were anything left, nothing that follows could be judged.
    await this.#lab.healAll();
    return broken;
  }

  /** Nothing fires any more, and what goes on ends. */
  async #settle(driver: Driver): Promise<void> {
    await sleep(1_500);
    await driver.suspendAll();
    const deadline = Date.now() + settle;
    while ((await openRuns(this.#lab)) > 0 && Date.now() < deadline) await sleep(500);
    // Locks are released, kills and triggers swept, within some seconds of the end.
    await sleep(7_000);
  }

  #facts(times: Times & Pick<RunFacts, 'readAt'>): RunFacts {
    const { seed, nemeses } = this.#options;
    return {
      seed,
      nemeses: nemeses.map(one => one.name),
      ...times,
      workers: this.#lab.workers.map(one => one.name),
      masters: this.#lab.masters.map(one => one.name),
      capacity,
      settings: { drainSeconds },
    };
  }

  async #write(driver: Driver, faults: readonly Fault[], times: Times): Promise<History> {
    this.#truth.read();
    this.#options.say('nothing goes on any more; what the product says is read');
    const readAt = Date.now();
    const final = await readFinal(this.#lab, this.#truth.starts);
    await this.#observer.stop();
    const history = { ...this.#soFar(driver), run: this.#facts({ ...times, readAt }), faults, final };
    await writeHistory(this.#options.folder, history);
    return history;
  }

  async #writeWhatThereIs(folder: string, driver: Driver): Promise<void> {
    await writeHistory(folder, this.#soFar(driver));
  }

  #soFar(driver: Driver) {
    const { edits, requests } = driver;
    const { probes, jobSets, seen } = this.#observer;
    return { edits, requests, starts: this.#truth.starts, probes, jobSets, seen };
  }
}
