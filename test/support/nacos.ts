import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killHard } from './process.ts';
import { toolPath, toolSkip } from './tools.ts';

/** For node:test's `skip`: false where r-nacos, a server that speaks Nacos' protocol, is on PATH. */
export function rnacosSkip(): string | false {
  return toolSkip('rnacos');
}

export interface NacosServer {
  /** `127.0.0.1:<port>` of HTTP; gRPC is 1000 above it. */
  readonly address: string;
  /** Writes a document through the server's own HTTP API. */
  publish(
    dataId: string,
    text: string,
    place?: { readonly group?: string; readonly namespace?: string },
  ): Promise<void>;
  /** The document, or what the server says where there is none, through the same API. */
  read(dataId: string): Promise<string>;
  remove(dataId: string): Promise<void>;
  /** As a power cut does; its data stays for `restart`. */
  kill9(): Promise<void>;
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

export interface NacosServerOptions {
  /** Asks for a login; the user is `admin` with this password. */
  readonly password?: string;
}

/** A server of its own on free ports of 127.0.0.1. Resolves when it takes writes. */
export async function startNacos(options: NacosServerOptions = {}): Promise<NacosServer> {
  const folder = await mkdtemp(join(tmpdir(), 'cronmesh-nacos-'));
  const server = new Rnacos(folder, await freePair(), options);
  try {
    await server.restart();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

class Rnacos implements NacosServer {
  readonly address: string;
  readonly #folder: string;
  readonly #port: number;
  readonly #options: NacosServerOptions;
  #process: ChildProcess | undefined;
  #logFrom = 0;
  #wasReady = false;

  constructor(folder: string, port: number, options: NacosServerOptions) {
    this.address = `127.0.0.1:${port}`;
    this.#folder = folder;
    this.#port = port;
    this.#options = options;
  }

  async restart(): Promise<void> {
    await this.kill9();
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#start();
        this.#wasReady = true;
        return;
      } catch (error) {
        if (attempt === 5 || !(error instanceof Broken)) throw error;
        await this.kill9();
        if (!this.#wasReady) await rm(join(this.#folder, 'data'), { recursive: true, force: true });
      }
    }
  }

  async #start(): Promise<void> {
    const port = this.#port;
    const { password } = this.#options;
    const file = join(this.#folder, 'nacos.log');
    this.#logFrom = existsSync(file) ? statSync(file).size : 0;
    const log = openSync(file, 'a');
    this.#process = spawn(toolPath('rnacos') ?? 'rnacos', {
      cwd: this.#folder,
      stdio: ['ignore', log, log],
      env: {
        RUST_LOG: 'warn',
        RNACOS_DATA_DIR: join(this.#folder, 'data'),
        RNACOS_HTTP_PORT: String(port),
        RNACOS_GRPC_PORT: String(port + 1_000),
        RNACOS_HTTP_CONSOLE_PORT: '0',
        RNACOS_RAFT_NODE_ADDR: `127.0.0.1:${port + 1_000}`,
        RNACOS_HTTP_WORKERS: '1',
        ...(password !== undefined && {
          RNACOS_ENABLE_OPEN_API_AUTH: 'true',
          RNACOS_INIT_ADMIN_USERNAME: 'admin',
          RNACOS_INIT_ADMIN_PASSWORD: password,
        }),
      },
    });
    closeSync(log);
    await once(this.#process, 'spawn');
    await this.#ready(this.#process);
  }

  async publish(dataId: string, content: string, place: { group?: string; namespace?: string } = {}): Promise<void> {
    const { group = 'DEFAULT_GROUP', namespace = '' } = place;
    await this.#configs('POST', { dataId, group, tenant: namespace, content });
  }

  async remove(dataId: string): Promise<void> {
    await this.#configs('DELETE', { dataId, group: 'DEFAULT_GROUP', tenant: '' });
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

  async #configs(method: 'POST' | 'DELETE', fields: Record<string, string>): Promise<void> {
    const query = new URLSearchParams({ ...fields, ...(await this.#token()) });
    const url = `http://${this.address}/nacos/v1/cs/configs`;
    const response =
      method === 'POST' ? await fetch(url, { method, body: query }) : await fetch(`${url}?${query}`, { method });
    const text = await response.text();
    if (text !== 'true') throw new Error(`Nacos: ${method}: ${response.status} ${text}`);
  }

  async read(dataId: string): Promise<string> {
    const query = new URLSearchParams({ dataId, group: 'DEFAULT_GROUP', tenant: '', ...(await this.#token()) });
    return await (await fetch(`http://${this.address}/nacos/v1/cs/configs?${query}`)).text();
  }

  async #token(): Promise<{ accessToken?: string }> {
    const { password } = this.#options;
    if (password === undefined) return {};
    const body = new URLSearchParams({ username: 'admin', password });
    const response = await fetch(`http://${this.address}/nacos/v1/auth/login`, { method: 'POST', body });
    return { accessToken: String(((await response.json()) as { accessToken: string }).accessToken) };
  }

  async #ready(child: ChildProcess): Promise<void> {
    const end = Date.now() + 30_000;
    for (;;) {
      // Its log says when it has begun; a write before that can break it for good.
      const log = readFileSync(join(this.#folder, 'nacos.log'), 'utf8').slice(this.#logFrom);
      try {
        if (log.includes('panicked')) throw new Broken(log.slice(-2_000));
        if (log.includes('rnacos started')) {
          const text = String(Date.now());
          await this.publish('ready', text);
          // Broken, it takes writes and forgets them.
          if ((await this.read('ready')) === text) return;
        }
      } catch (error) {
        if (error instanceof Broken) throw error;
        if (Date.now() > end) throw new Error(`Nacos did not start: ${error}\n${log.slice(-2_000)}`);
      }
      if (child.exitCode !== null || Date.now() > end) throw new Error(`Nacos did not start:\n${log.slice(-2_000)}`);
      await sleep(200);
    }
  }
}

/** It can break while it begins: a race of its own. */
class Broken extends Error {}

/** A port that is free, as the one 1000 above it is. */
async function freePair(): Promise<number> {
  for (;;) {
    const low = await listen(0);
    const { port } = low.address() as { readonly port: number };
    const high = port < 64_000 ? await listen(port + 1_000).catch(() => undefined) : undefined;
    await Promise.all([low, high].map(server => server && new Promise(resolve => server.close(resolve))));
    if (high !== undefined) return port;
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
