import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '../support/cluster.ts';
import { eventually } from '../support/process.ts';
import type { Rest, RunView } from '../support/rest.ts';

const jobsPath = '/api/v1/namespaces/default/jobs';
/** Jobs that come and go: names that come again, and each tenth one that never does. */
const names = 40;

export interface ChurnOptions {
  readonly cluster: Cluster;
  /** Master and worker that are ended and started beside those that are measured. */
  readonly restarted: { readonly master: number; readonly worker: number };
  /** From one action to the next, in milliseconds. */
  readonly every: number;
  /** From one fault to the next, in milliseconds. */
  readonly faultEvery: number;
}

/** What happens to a cluster in its years, in an hour: each action of a round, one after another, until it is stopped. */
export class Churn {
  readonly #options: ChurnOptions;
  readonly #rest: Rest;
  readonly #stopping = new AbortController();
  /** How often each thing was done, and how often it was refused or failed, as it may under faults. */
  readonly done = new Map<string, number>();
  readonly failed = new Map<string, number>();
  #http: Server | undefined;
  #made = 0;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: ChurnOptions) {
    this.#options = options;
    this.#rest = options.cluster.rest(0);
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      // One in four never answers: the job's time-out ends it.
      if (request.url === '/silent') return;
      response.end('fine\n'.repeat(20));
    });
    this.#http = server;
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    await this.#standingJobs((server.address() as AddressInfo).port);
    this.#running = Promise.all([this.#actions(), this.#faults()]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#http?.closeAllConnections();
    await new Promise(resolve => this.#http?.close(resolve) ?? resolve(undefined));
  }

  /** Deletes every job, so that what is left then has no owner. */
  async deleteJobs(): Promise<void> {
    const jobs = await this.#rest.all<{ metadata: { name: string } }>('/api/v1/jobs');
    for (const { metadata } of jobs) {
      await eventually(
        `job ${metadata.name} is deleted`,
        async () =>
          [200, 204, 404].includes((await this.#rest.request('DELETE', `${jobsPath}/${metadata.name}`)).status),
        60_000,
        500,
      );
    }
  }

  async #standingJobs(port: number): Promise<void> {
    const shell = (command: string) => ({ executor: { shell: { command } } });
    const http = (path: string) => ({ executor: { http: { url: `http://127.0.0.1:${port}${path}` } } });
    const standing: Record<string, object> = {
      quick: { schedule: '* * * * * *', ...shell('echo quick') },
      output: { schedule: '*/2 * * * * *', ...shell('head -c 200000 /dev/zero | tr "\\\\0" "x"; echo; echo end >&2') },
      forbid: { schedule: '* * * * * *', concurrencyPolicy: 'Forbid', ...shell('sleep 2.5') },
      replace: { schedule: '*/3 * * * * *', concurrencyPolicy: 'Replace', ...shell('sleep 20 & wait') },
      queue: { schedule: '*/2 * * * * *', concurrencyPolicy: 'Queue', maxQueuedRuns: 3, ...shell('sleep 1.8') },
      fails: {
        schedule: '*/4 * * * * *',
        ...shell('echo no; exit 3'),
        retry: { limit: 1, backoff: { initialSeconds: 1 } },
      },
      times: { schedule: '*/5 * * * * *', timeoutSeconds: 1, terminationGraceSeconds: 1, ...shell('sleep 60') },
      hidden: { schedule: '*/7 * * * * *', ...shell('setsid sleep 60 & exit 0') },
      asks: { schedule: '* * * * * *', ...http('/') },
      silent: { schedule: '*/6 * * * * *', timeoutSeconds: 2, ...http('/silent') },
      after: { schedule: '@manually', after: [{ job: 'output' }], ...shell('true') },
      everywhere: { schedule: '*/10 * * * * *', placement: { mode: 'All' }, ...shell('true') },
      byhand: { schedule: '@manually', ...shell('sleep 30') },
    };
    for (const [name, spec] of Object.entries(standing)) {
      const manifest = { metadata: { name }, spec: { history: { runs: 100 }, ...spec } };
      // On a busy machine a master may doubt its clock for a moment.
      await eventually(
        `job ${name} is made`,
        async () => [201, 409].includes((await this.#rest.request('POST', jobsPath, manifest)).status),
        60_000,
        500,
      );
    }
  }

  async #actions(): Promise<void> {
    const actions = [
      () => this.#createOrEdit(),
      () => this.#triggerAndKill(),
      () => this.#delete(),
      () => this.#follow(),
      () => this.#events(),
      () => this.#look(),
      () => this.#suspendAndResume(),
      () => this.#triggerLater(),
    ];
    for (let i = 0; !this.#stopping.signal.aborted; i++) {
      const action = actions[i % actions.length];
      if (action !== undefined) await this.#count(`action ${i % actions.length}`, action);
      await this.#pause(this.#options.every);
    }
  }

  async #faults(): Promise<void> {
    const { cluster, restarted } = this.#options;
    const program = (kind: 'masters' | 'workers', index: number) => {
      const member = cluster[kind][index];
      if (member === undefined) throw new Error(`no ${kind} ${index}`);
      return member.program;
    };
    const faults: readonly [string, () => Promise<unknown>][] = [
      ['consul connections cut', async () => cluster.proxies?.consul.cut()],
      ['worker killed', () => program('workers', restarted.worker).kill()],
      ['database connections cut', async () => cluster.proxies?.database.cut()],
      ['worker started', async () => cluster.restart('worker', restarted.worker)],
      ['master stopped', () => program('masters', restarted.master).stop()],
      ['consul away for 3 s', () => this.#away('consul')],
      ['master started', async () => cluster.restart('master', restarted.master)],
      ['worker stopped', () => program('workers', restarted.worker).stop()],
      ['database away for 3 s', () => this.#away('database')],
      ['worker started', async () => cluster.restart('worker', restarted.worker)],
    ];
    for (let i = 0; !this.#stopping.signal.aborted; i++) {
      await this.#pause(this.#options.faultEvery);
      const [name, fault] = faults[i % faults.length] ?? [];
      if (name !== undefined && fault !== undefined && !this.#stopping.signal.aborted) await this.#count(name, fault);
    }
    // What a last fault ended is there again.
    if (!program('workers', restarted.worker).running) cluster.restart('worker', restarted.worker);
    if (!program('masters', restarted.master).running) cluster.restart('master', restarted.master);
  }

  async #away(which: 'consul' | 'database'): Promise<void> {
    const proxy = this.#options.cluster.proxies?.[which];
    proxy?.refuse(true);
    await this.#pause(3_000);
    proxy?.refuse(false);
  }

  async #createOrEdit(): Promise<void> {
    const number = this.#made++;
    const name = number % 10 === 0 ? `once-${number}` : `churn-${number % names}`;
    const manifest = (command: string) => ({
      metadata: { name, labels: { turn: String(number) } },
      spec: { schedule: '*/15 * * * * *', executor: { shell: { command } }, history: { runs: 5 } },
    });
    const there = await this.#rest.request('GET', `${jobsPath}/${name}`);
    const revision = there.headers.get('etag');
    await there.arrayBuffer();
    if (revision === null) await this.#rest.post(jobsPath, manifest('echo made'));
    else
      await this.#rest.json('PUT', `${jobsPath}/${name}`, manifest(`echo edited ${number}`), { 'if-match': revision });
  }

  async #delete(): Promise<void> {
    const made = (await Promise.all(['churn-', 'once-'].map(search => this.#named(search)))).flat();
    const name = made[this.#made % Math.max(1, made.length)];
    if (name !== undefined && made.length > names / 2) await this.#rest.json('DELETE', `${jobsPath}/${name}`);
  }

  async #named(search: string): Promise<string[]> {
    const path = `/api/v1/jobs?limit=100&search=${search}`;
    const { items } = await this.#rest.get<{ items: { metadata: { name: string } }[] }>(path);
    return items.map(job => job.metadata.name);
  }

  async #triggerAndKill(): Promise<void> {
    const run = await this.#rest.post<RunView>(`${jobsPath}/byhand/trigger`);
    await this.#pause(700);
    await this.#rest.post(`/api/v1/runs/${run.id}/kill`);
  }

  /** Asked for in a while, and cancelled. */
  async #triggerLater(): Promise<void> {
    const run = await this.#rest.post<RunView>(`${jobsPath}/byhand/trigger`, { delaySeconds: 120 });
    await this.#rest.post(`/api/v1/runs/${run.id}/kill`);
  }

  async #suspendAndResume(): Promise<void> {
    await this.#rest.post(`${jobsPath}/asks/suspend`);
    await this.#rest.post(`${jobsPath}/asks/resume`);
  }

  async #look(): Promise<void> {
    for (const path of ['/api/v1/runs?limit=100', '/api/v1/jobs?limit=100', '/api/v1/workers', '/metrics', '/']) {
      await (await this.#rest.request('GET', path)).arrayBuffer();
    }
  }

  /** A follower that goes away in the middle of a run. */
  async #follow(): Promise<void> {
    const { items } = await this.#rest.get<{ items: RunView[] }>('/api/v1/runs?state=Running&limit=5');
    await Promise.all(items.map(run => this.#stream(`/api/v1/runs/${run.id}/logs?follow=true`)));
  }

  async #events(): Promise<void> {
    await Promise.all(Array.from({ length: 5 }, () => this.#stream('/api/v1/events')));
  }

  async #stream(path: string): Promise<void> {
    const gone = AbortSignal.timeout(800);
    try {
      const answer = await fetch(`${this.#rest.base}${path}`, { signal: gone });
      for await (const _ of answer.body ?? []) if (gone.aborted) break;
    } catch (error) {
      if (!gone.aborted) throw error;
    }
  }

  async #pause(time: number): Promise<void> {
    await delay(time, undefined, { signal: this.#stopping.signal }).catch(() => {});
  }

  async #count(what: string, action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
      this.done.set(what, (this.done.get(what) ?? 0) + 1);
    } catch (error) {
      this.failed.set(what, (this.failed.get(what) ?? 0) + 1);
      this.lastError = `${what}: ${error}`;
    }
  }

  /** Of what failed last; failures are expected while something is away. */
  lastError = '';
}
