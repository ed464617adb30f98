import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { Everything } from './everything.ts';
import { eventually } from './process.ts';
import type { Target } from './prometheus.ts';
import { Rest } from './rest.ts';

interface Member {
  /** As its log is called: `worker-0`. */
  readonly name: string;
  readonly kind: 'master' | 'worker';
  readonly http: number;
}

/** Asks every system by its own API. */
export class Ask {
  readonly #all: Everything;

  constructor(all: Everything) {
    this.#all = all;
  }

  /** Consul by https, as whoever has this token. */
  async consul(path: string, token?: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
    const headers: Record<string, string> = token === undefined ? {} : { 'x-consul-token': token };
    const answer = await fetch(`${this.#all.secure.consul.secureAddress}/v1/${path}`, { ...init, headers });
    return { status: answer.status, text: await answer.text() };
  }

  /** What Consul tells whoever may see everything. */
  async held<T>(path: string): Promise<T> {
    const { status, text } = await this.consul(path, this.#all.secure.consul.management);
    if (status !== 200) throw new Error(`Consul: ${path}: ${status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** What each ready instance of a service says of itself in Consul's catalog. */
  async catalog(service: string): Promise<readonly Readonly<Record<string, string>>[]> {
    type Instance = { readonly Service: { readonly Meta: Record<string, string> } };
    const instances = await this.held<Instance[]>(`health/service/${service}?passing`);
    return instances.map(({ Service }) => Service.Meta);
  }

  /** Rows of PostgreSQL, by a connection of its own. */
  async database<T>(sql: string): Promise<readonly T[]> {
    const client = new pg.Client({ connectionString: this.#all.secure.cluster.postgres.url });
    await client.connect();
    try {
      return (await client.query(sql)).rows as T[];
    } finally {
      await client.end();
    }
  }

  /** Prometheus, of all processes together; undefined where it has nothing. */
  async sum(expr: string): Promise<number | undefined> {
    return (await this.#all.prometheus.query(`sum(${expr})`))[0]?.value;
  }

  /** Waits until Prometheus scrapes every process. */
  async targetsUp(): Promise<readonly Target[]> {
    return await eventually(
      'every target is up',
      async () => {
        const targets = await this.#all.prometheus.targets();
        return targets.length === this.members.length && targets.every(({ health }) => health === 'up') && targets;
      },
      60_000,
      1_000,
    );
  }

  get members(): readonly Member[] {
    const { masters, workers } = this.#all.secure.cluster;
    return [
      ...masters.map(({ http }, i) => ({ name: `master-${i}`, kind: 'master', http }) as const),
      ...workers.map(({ http }, i) => ({ name: `worker-${i}`, kind: 'worker', http }) as const),
    ];
  }

  get workers(): readonly Member[] {
    return this.members.filter(({ kind }) => kind === 'worker');
  }

  /** A page of a worker. */
  async page({ http }: Member, path: '/metrics' | '/readyz'): Promise<string> {
    return await (await new Rest(`https://127.0.0.1:${http}`).request('GET', path)).text();
  }

  /** What each worker may run at once, as it says itself. */
  async capacities(): Promise<readonly number[]> {
    return await Promise.all(
      this.workers.map(async worker => Number(JSON.parse(await this.page(worker, '/readyz')).capacity)),
    );
  }

  /** Waits until nothing runs, and no report is on its way. */
  async settled(): Promise<void> {
    await eventually(
      'nothing runs, and everything is reported',
      async () => {
        const pages = await Promise.all(this.workers.map(worker => this.page(worker, '/metrics')));
        return pages.every(text => /^cronmesh_worker_running 0$/m.test(text) && /^cronmesh_spool_depth 0$/m.test(text));
      },
      60_000,
      500,
    );
  }

  /** What a program has logged up to now. */
  log({ name }: Member): string {
    return readFileSync(join(this.#all.secure.cluster.folder, `${name}.log`), 'utf8');
  }

  /**
   * Waits until Loki has what a program has logged up to now, from the first line that was sent there (what is logged
   * before the settings are known is not): whole, and in order.
   */
  async linesInLoki(member: Member): Promise<number> {
    const { name, kind } = member;
    // The last piece is a line that is being written, or empty.
    const lines = this.log(member).split('\n').slice(0, -1);
    const logged = lines.filter(line => line.startsWith('{') && JSON.parse(line).program === kind);
    const { pid } = JSON.parse(logged[0] ?? assert.fail(`${name} logged nothing`));
    const query = `{app="cronmesh", kind="log", program="${kind}"} | instance=~".*-${pid}"`;
    const expected = await eventually(
      `Loki has the lines of ${name}`,
      async () => {
        const found = (await this.#all.loki.lines(query)).map(({ line }) => line);
        const sent = logged.slice(logged.indexOf(found[0] ?? ''));
        return found.length >= sent.length && { found: found.slice(0, sent.length), sent };
      },
      60_000,
      1_000,
    );
    assert.deepEqual(expected.found, expected.sent);
    return expected.sent.length;
  }
}
