import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, closeSync, constants, openSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killHard } from './process.ts';

/** The Consul program: `CONSUL_BIN`, or `consul` on PATH; undefined where there is none. */
export function consulBinary(): string | undefined {
  if (process.env.CONSUL_BIN) return process.env.CONSUL_BIN;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map(folder => join(folder, 'consul')).find(isExecutable);
}

/** For node:test's `skip`: false where Consul is there. */
export function consulSkip(): string | false {
  return consulBinary() === undefined ? 'Consul is not installed: put `consul` on PATH or set CONSUL_BIN' : false;
}

export interface ConsulServer {
  /** `http://127.0.0.1:<port>` */
  readonly address: string;
  /** `https://127.0.0.1:<port>` */
  readonly secureAddress: string;
  /** Of the present process. */
  readonly pid: number;
  /** Ends the server at once and removes its data. */
  stop(): Promise<void>;
  /** Ends the server as a power cut does; its data stays for `restart`. */
  kill9(): Promise<void>;
  /** On the same ports; ends it first where it runs. `empty`: without its data. Resolves when it has a leader again. */
  restart(options: { readonly empty: boolean }): Promise<void>;
  snapshotSave(path: string): Promise<void>;
  snapshotRestore(path: string): Promise<void>;
}

export interface ConsulServerOptions {
  /** Default `warn`; written to `consul.log` in the data folder and shown when the server does not start. */
  readonly logLevel?: string;
  /** Most connections of one client address. Default 200, as in Consul. */
  readonly maxConnections?: number;
  /** More of the configuration, over what is there. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** With ACLs: a token that may do everything. */
  readonly management?: string;
  /** Also serves https there: `secureAddress`. */
  readonly https?: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
}

/** A real Consul server of its own on free ports of 127.0.0.1. Resolves when it has a leader and takes writes. */
export async function startConsul(options: ConsulServerOptions = {}): Promise<ConsulServer> {
  const binary = consulBinary();
  if (binary === undefined) throw new Error(String(consulSkip()));
  const folder = await mkdtemp(join(tmpdir(), 'cronmesh-consul-'));
  for (let attempt = 1; ; attempt++) {
    const server = new Server(binary, folder, await freePorts(5), options);
    try {
      await server.restart({ empty: true });
      return server;
    } catch (error) {
      await server.stop();
      // Another process may have taken one of the ports in between.
      if (attempt === 3 || !String(error).includes('address already in use')) throw error;
    }
  }
}

class Server implements ConsulServer {
  readonly address: string;
  readonly secureAddress: string;
  readonly #binary: string;
  readonly #folder: string;
  readonly #ports: readonly number[];
  readonly #options: ConsulServerOptions;
  #process: ChildProcess | undefined;

  constructor(binary: string, folder: string, ports: readonly number[], options: ConsulServerOptions) {
    this.#binary = binary;
    this.#folder = folder;
    this.#ports = ports;
    this.#options = options;
    this.address = `http://127.0.0.1:${ports[0]}`;
    this.secureAddress = `https://127.0.0.1:${ports[4]}`;
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('Consul is not running');
    return pid;
  }

  async restart({ empty }: { readonly empty: boolean }): Promise<void> {
    await this.kill9();
    if (empty) await rm(join(this.#folder, 'data'), { recursive: true, force: true });
    const log = openSync(join(this.#folder, 'consul.log'), 'a');
    const child = spawn(this.#binary, await this.#arguments(), { stdio: ['ignore', log, log] });
    this.#process = child;
    closeSync(log);
    await once(child, 'spawn');
    await this.#ready(child);
  }

  async kill9(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    await killHard(child);
  }

  async stop(): Promise<void> {
    await this.kill9();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async snapshotSave(path: string): Promise<void> {
    const response = await fetch(`${this.address}/v1/snapshot`);
    if (!response.ok) throw new Error(`snapshot: ${response.status} ${await response.text()}`);
    await writeFile(path, Buffer.from(await response.arrayBuffer()));
  }

  async snapshotRestore(path: string): Promise<void> {
    const response = await fetch(`${this.address}/v1/snapshot`, { method: 'PUT', body: await readFile(path) });
    if (!response.ok) throw new Error(`restore: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  }

  async #arguments(): Promise<string[]> {
    const [http, serf, wan, server, secure] = this.#ports;
    const { https, management } = this.#options;
    const tls = https && { ca_file: https.caFile, cert_file: https.certFile, key_file: https.keyFile };
    const config = {
      data_dir: join(this.#folder, 'data'),
      node_name: 'test',
      server: true,
      bootstrap_expect: 1,
      bind_addr: '127.0.0.1',
      client_addr: '127.0.0.1',
      log_level: this.#options.logLevel ?? 'warn',
      disable_update_check: true,
      connect: { enabled: false },
      performance: { raft_multiplier: 1 },
      limits: { http_max_conns_per_client: this.#options.maxConnections ?? 200 },
      // Leaving at a signal would take the server out of its own cluster.
      leave_on_terminate: false,
      ports: {
        http,
        https: https ? secure : -1,
        serf_lan: serf,
        serf_wan: wan,
        server,
        dns: -1,
        grpc: -1,
        grpc_tls: -1,
      },
      ...(tls && { tls: { https: { ...tls, verify_incoming: false } } }),
      ...(management !== undefined && {
        acl: { enabled: true, default_policy: 'deny', tokens: { initial_management: management, agent: management } },
      }),
      ...this.#options.config,
    };
    const file = join(this.#folder, 'consul.json');
    await writeFile(file, JSON.stringify(config));
    return ['agent', `-config-file=${file}`];
  }

  /** A leader, a write, and the server's own place in the catalog (sessions need its health check). */
  async #ready(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + 30_000;
    while (!(await this.#works())) {
      const ended = child.exitCode ?? child.signalCode;
      if (ended !== null || Date.now() > deadline) {
        const log = readFileSync(join(this.#folder, 'consul.log'), 'utf8').slice(-2_000);
        throw new Error(`Consul did not start (${ended ?? 'no leader in 30 s'}):\n${log}`);
      }
      await sleep(50);
    }
  }

  async #works(): Promise<boolean> {
    const { management } = this.#options;
    const headers: Record<string, string> = management === undefined ? {} : { 'x-consul-token': management };
    try {
      const key = `${this.address}/v1/kv/test/ready`;
      const written = await fetch(key, { method: 'PUT', body: String(Date.now()), headers });
      if ((await written.text()) !== 'true') return false;
      const deleted = await fetch(key, { method: 'DELETE', headers });
      if ((await deleted.text()) !== 'true') return false;
      const node = await fetch(`${this.address}/v1/health/node/test`, { headers });
      return (await node.text()).includes('serfHealth');
    } catch {
      return false;
    }
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Ports that were free just now, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map(server => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
  return ports;
}
