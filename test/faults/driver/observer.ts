import { prefix } from '../../../src/coordination/keys.ts';
import type { JobSets, Probe, SeenRun } from '../history/history.ts';
import type { Lab } from '../lab/lab.ts';
import { type Page, type RunView, read } from './rest.ts';
import { Rounds } from './rounds.ts';

/** Runs looked at in each round: those of the last seconds, since lists are in the order in which runs were due. */
const newest = 200;
/** So many of the older ones that had not ended are asked for by their ids as well, in each round. */
const older = 4;

const ended = new Set(['Succeeded', 'Failed', 'TimedOut', 'Killed', 'Lost', 'Skipped']);

/** Looks at everything from outside, all the time, and writes down what it sees. */
export class Observer {
  readonly probes: Probe[] = [];
  readonly jobSets: JobSets[] = [];
  readonly seen: SeenRun[] = [];
  readonly #lab: Lab;
  readonly #known = new Map<string, string>();
  readonly #open = new Set<string>();
  readonly #rounds: readonly Rounds[];
  #turn = 0;

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#rounds = [
      new Rounds(500, async () => void this.probes.push(await lab.probe())),
      new Rounds(1_000, () => this.#lookAtRuns()),
      new Rounds(1_000, async () => void this.jobSets.push(await jobSets(lab))),
    ];
  }

  start(): void {
    for (const rounds of this.#rounds) rounds.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#rounds.map(rounds => rounds.stop()));
  }

  async #lookAtRuns(): Promise<void> {
    const { masters } = this.#lab;
    const master = masters[this.#turn++ % masters.length];
    if (master === undefined) return;
    const at = Date.now();
    const { items } = await read<Page<RunView>>(master.http, `/api/v1/runs?limit=${newest}`, 2_000);
    for (const run of items) this.#see(run, master.name, at);
    const listed = new Set(items.map(run => run.id));
    for (const id of [...this.#open].filter(one => !listed.has(one)).slice(0, older)) {
      // Behind all others until its next turn.
      this.#open.delete(id);
      this.#open.add(id);
      this.#see(await read<RunView>(master.http, `/api/v1/runs/${id}`, 2_000), master.name, Date.now());
    }
  }

  #see({ id, attempt, state }: RunView, master: string, at: number): void {
    const now = `${attempt} ${state}`;
    if (this.#known.get(id) === now) return;
    this.#known.set(id, now);
    this.seen.push({ at, master, id, attempt, state });
    if (ended.has(state)) this.#open.delete(id);
    else this.#open.add(id);
  }
}

interface Entry {
  readonly Key: string;
  readonly Value: string;
}

/** What Consul has, and what each worker says it knows. */
async function jobSets(lab: Lab): Promise<JobSets> {
  const at = Date.now();
  const [consul, workers] = await Promise.all([
    consulJobs(lab).catch(() => undefined),
    Promise.all(
      lab.workers.map(async ({ name, http }) => [name, await workerJobs(http).catch(() => undefined)] as const),
    ),
  ]);
  return { at, ...(consul && { consul }), workers: Object.fromEntries(workers) };
}

async function consulJobs(lab: Lab): Promise<Record<string, number>> {
  const entries = (await lab.askConsul<Entry[]>(`/v1/kv/${prefix.jobs}?recurse&consistent`)) ?? [];
  return Object.fromEntries(
    entries.map(({ Key, Value }) => [
      Key.slice(prefix.jobs.length),
      (JSON.parse(Buffer.from(Value, 'base64').toString()) as { revision: number }).revision,
    ]),
  );
}

async function workerJobs(base: string): Promise<Record<string, number>> {
  return (await read<{ jobs: Record<string, number> }>(base, '/jobs', 1_000)).jobs;
}
