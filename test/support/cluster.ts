import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConsulServer, startConsul } from './consul.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';
import { eventually, freePort, Program } from './process.ts';
import { Rest } from './rest.ts';
import { TcpProxy } from './tcp-proxy.ts';

export interface ClusterOptions {
  readonly masters: number;
  readonly workers: number;
  readonly masterEnv?: Record<string, string>;
  readonly workerEnv?: Record<string, string> | ((name: string) => Record<string, string>);
  /** Default: fresh ones. They are stopped with the cluster. */
  readonly consul?: ConsulServer;
  readonly postgres?: PostgresServer;
  /** How REST is reached. Default http, without headers. */
  readonly scheme?: 'http' | 'https';
  readonly headers?: Record<string, string>;
  /** Puts something between them and Consul and the database that can be cut. */
  readonly proxied?: boolean;
}

interface Member {
  readonly env: Record<string, string>;
  readonly http: number;
  program: Program;
}

/** A whole cluster as separate processes: real Consul, real PostgreSQL, masters and workers. */
export class Cluster {
  readonly folder: string;
  readonly consul: ConsulServer;
  readonly postgres: PostgresServer;
  readonly masters: Member[] = [];
  readonly workers: Member[] = [];

  /** With `proxied`: what stands before Consul and the database, and can be cut. */
  readonly proxies: { readonly consul: TcpProxy; readonly database: TcpProxy } | undefined;
  readonly #options: ClusterOptions;

  private constructor(
    folder: string,
    servers: { readonly consul: ConsulServer; readonly postgres: PostgresServer },
    proxies: { readonly consul: TcpProxy; readonly database: TcpProxy } | undefined,
    options: ClusterOptions,
  ) {
    this.folder = folder;
    this.consul = servers.consul;
    this.postgres = servers.postgres;
    this.proxies = proxies;
    this.#options = options;
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const folder = mkdtempSync(join(tmpdir(), 'cronmesh-cluster-'));
    const [consul, postgres] = await Promise.all([
      options.consul ?? startConsul(),
      options.postgres ?? startPostgres(),
    ]);
    const proxies = options.proxied
      ? { consul: await proxyOf(consul.address), database: await proxyOf(postgres.url) }
      : undefined;
    const cluster = new Cluster(folder, { consul, postgres }, proxies, options);
    try {
      for (let i = 0; i < options.masters; i++) await cluster.addMaster(options.masterEnv);
      for (let i = 0; i < options.workers; i++) {
        const { workerEnv } = options;
        await cluster.addWorker(typeof workerEnv === 'function' ? workerEnv(`worker-${i}`) : workerEnv);
      }
      await cluster.ready(options.workers);
    } catch (error) {
      // Nobody else knows of it yet.
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  async addMaster(more: Record<string, string> = {}): Promise<Member> {
    const [http, grpc] = [await freePort(), await freePort()];
    const env = {
      CONSUL_HTTP_ADDR: through(this.consul.address, this.proxies?.consul),
      DATABASE_URL: through(this.postgres.url, this.proxies?.database),
      CRONMESH_HTTP_PORT: String(http),
      CRONMESH_HTTP_HOST: '127.0.0.1',
      CRONMESH_GRPC_PORT: String(grpc),
      CRONMESH_GRPC_HOST: '127.0.0.1',
      CRONMESH_DATA_DIRECTORY: this.folder,
      ...more,
    };
    const member = { env, http, program: this.#run('master', `master-${this.masters.length}`, env) };
    this.masters.push(member);
    return member;
  }

  async addWorker(extra: Record<string, string> = {}): Promise<Member> {
    const http = await freePort();
    const name = `worker-${this.workers.length}`;
    const env = {
      CONSUL_HTTP_ADDR: through(this.consul.address, this.proxies?.consul),
      CRONMESH_HTTP_PORT: String(http),
      CRONMESH_HTTP_HOST: '127.0.0.1',
      CRONMESH_WORKER_NAME: name,
      CRONMESH_DATA_DIRECTORY: this.folder,
      ...extra,
    };
    const member = { env, http, program: this.#run('worker', name, env) };
    this.workers.push(member);
    return member;
  }

  /** Starts an ended member again, with the same settings. */
  restart(kind: 'master' | 'worker', index: number): void {
    const member = (kind === 'master' ? this.masters : this.workers)[index];
    if (member === undefined) throw new Error(`no ${kind} ${index}`);
    member.program = this.#run(kind, `${kind}-${index}`, member.env);
  }

  #run(kind: 'master' | 'worker', name: string, env: Record<string, string>): Program {
    mkdirSync(this.folder, { recursive: true });
    return new Program([kind], { env, log: join(this.folder, `${name}.log`) });
  }

  rest(master = 0): Rest {
    const member = this.masters[master];
    if (member === undefined) throw new Error(`no master ${master}`);
    return new Rest(`${this.#options.scheme ?? 'http'}://127.0.0.1:${member.http}`, this.#options.headers);
  }

  /** The index of the master that leads, once one does; those that do not answer are passed over. */
  async leader(within = 60_000): Promise<number> {
    const { index } = await eventually(
      'a leading master',
      async () => {
        for (const [index] of this.masters.entries()) {
          const answer = await this.rest(index)
            .request('GET', '/metrics')
            .catch(() => undefined);
          if (/^cronmesh_leader\{role="scheduler"\} 1$/m.test((await answer?.text()) ?? '')) return { index };
        }
        return undefined;
      },
      within,
    );
    return index;
  }

  /** Waits until every master serves and the catalog has this many ready workers. */
  async ready(workers: number): Promise<void> {
    for (let i = 0; i < this.masters.length; i++) {
      await eventually(`master ${i} ready`, async () => (await this.rest(i).request('GET', '/readyz')).ok, 120_000);
    }
    await eventually(
      `${workers} workers ready`,
      async () => {
        const { items } = await this.rest().get<{ items: { ready: boolean }[] }>('/api/v1/workers');
        return items.filter(worker => worker.ready).length >= workers;
      },
      120_000,
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map(worker => worker.program.stop()));
    await Promise.all(this.masters.map(master => master.program.stop()));
    await this.proxies?.consul.close();
    await this.proxies?.database.close();
    await this.consul.stop();
    await this.postgres.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function proxyOf(url: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(url);
  return TcpProxy.open({ host: hostname, port: Number(port) });
}

function through(url: string, proxy: TcpProxy | undefined): string {
  if (proxy === undefined) return url;
  const { host } = new URL(url);
  return url.replace(host, `127.0.0.1:${proxy.port}`);
}
