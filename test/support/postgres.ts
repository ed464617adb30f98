import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import pg from 'pg';
import { postgresFolder, unprivilegedUser } from './postgres-install.ts';

/** For node:test's `skip`: false where PostgreSQL is there. */
export function postgresSkip(): string | false {
  return process.env.TEST_DATABASE_URL || postgresFolder() !== undefined
    ? false
    : 'PostgreSQL is not installed: put `initdb` and `postgres` on PATH, or set POSTGRES_BIN or TEST_DATABASE_URL';
}

export interface PostgresServer {
  /** A fresh, empty database. */
  readonly url: string;
  /** Of the present main process. @throws Error where TEST_DATABASE_URL names the server */
  readonly pid: number;
  /** Another fresh, empty database on the same server. */
  createDatabase(): Promise<string>;
  /** Ends the server at once, as a crash does; its data stays for `restart`. Only a server of its own. */
  crash(): Promise<void>;
  /** On the same port; ends it first where it runs. Resolves when it takes connections. Only a server of its own. */
  restart(): Promise<void>;
  /** Ends the server and removes its data; with TEST_DATABASE_URL it drops the databases. */
  stop(): Promise<void>;
}

export interface PostgresServerOptions {
  /** Takes connections by TLS alone, of whoever knows the password. */
  readonly tls?: {
    readonly caFile: string;
    readonly certFile: string;
    readonly keyFile: string;
    readonly password: string;
  };
}

/**
 * A real PostgreSQL in a folder of its own on a free port of 127.0.0.1, with the durability it has by default; or a
 * fresh database on the server that TEST_DATABASE_URL names.
 */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const given = process.env.TEST_DATABASE_URL;
  if (given && options.tls === undefined) return databasesOn(given);
  const programs = postgresFolder();
  if (programs === undefined) throw new Error(String(postgresSkip()));
  const folder = await mkdtemp(join(tmpdir(), 'cronmesh-postgres-'));
  const server = new Server(programs, folder, await freePort(), options.tls);
  try {
    await server.initialize();
    await server.restart();
    const databases = await databasesOn(server.adminUrl);
    return {
      url: databases.url,
      createDatabase: () => databases.createDatabase(),
      get pid() {
        return server.pid;
      },
      crash: () => server.end('SIGQUIT'),
      restart: () => server.restart(),
      stop: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

type Tls = NonNullable<PostgresServerOptions['tls']>;

class Server {
  readonly adminUrl: string;
  readonly #programs: string;
  readonly #folder: string;
  readonly #port: number;
  readonly #user = unprivilegedUser();
  #process: ChildProcess | undefined;

  readonly #tls: PostgresServerOptions['tls'];

  constructor(programs: string, folder: string, port: number, tls?: PostgresServerOptions['tls']) {
    this.#tls = tls;
    this.#programs = programs;
    this.#folder = folder;
    this.#port = port;
    this.adminUrl =
      tls === undefined
        ? `postgresql://cronmesh@127.0.0.1:${port}/postgres`
        : `postgresql://cronmesh:${tls.password}@127.0.0.1:${port}/postgres?sslmode=verify-full&sslrootcert=${tls.caFile}`;
    process.once('exit', () => this.#process?.kill('SIGQUIT'));
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('PostgreSQL is not running');
    return pid;
  }

  async initialize(): Promise<void> {
    if (this.#user) await chown(this.#folder, this.#user.uid, this.#user.gid);
    const data = [
      '-D',
      join(this.#folder, 'data'),
      '-U',
      'cronmesh',
      '--auth=trust',
      '-E',
      'UTF8',
      '--no-locale',
      '-N',
    ];
    if (this.#tls !== undefined) await this.#prepareTls(this.#tls, data);
    await promisify(execFile)(join(this.#programs, 'initdb'), data, { cwd: this.#folder, ...this.#user });
    if (this.#tls === undefined) return;
    const rules = 'hostssl all all 127.0.0.1/32 scram-sha-256\nhostnossl all all 0.0.0.0/0 reject\n';
    await writeFile(join(this.#folder, 'data', 'pg_hba.conf'), rules);
  }

  /** The server reads its key as its own user, and takes none that others may read. */
  async #prepareTls({ certFile, keyFile, password }: Tls, data: string[]): Promise<void> {
    const files = { 'server.crt': await readFile(certFile), 'server.key': await readFile(keyFile), password };
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.#folder, name);
      await writeFile(path, content, { mode: 0o600 });
      if (this.#user) await chown(path, this.#user.uid, this.#user.gid);
    }
    data.push(`--pwfile=${join(this.#folder, 'password')}`);
  }

  async restart(): Promise<void> {
    await this.end('SIGINT');
    const settings = {
      port: this.#port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      ...this.#sslSettings(),
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(join(this.#programs, 'postgres'), ['-D', join(this.#folder, 'data'), ...options], {
      cwd: this.#folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      ...this.#user,
    });
    this.#process = child;
    const said: string[] = [];
    const lines = createInterface({ input: child.stderr });
    await new Promise<void>((resolve, reject) => {
      lines.on('line', line => {
        if (line.includes('ready to accept connections')) resolve();
        if (said.length < 20) said.push(line);
      });
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`PostgreSQL did not start:\n${said.join('\n')}`)));
    });
  }

  #sslSettings(): Record<string, string> {
    if (this.#tls === undefined) return {};
    const [cert, key] = ['server.crt', 'server.key'].map(name => join(this.#folder, name)) as [string, string];
    return { ssl: 'on', ssl_cert_file: cert, ssl_key_file: key };
  }

  /** SIGINT ends it in order, SIGQUIT as a crash: it recovers from its log at the next start. */
  async end(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    // A process that a test stopped acts on no other signal.
    child.kill('SIGCONT');
    await exit;
  }

  async stop(): Promise<void> {
    await this.end('SIGQUIT');
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Fresh databases on a server that is there. */
async function databasesOn(adminUrl: string): Promise<PostgresServer> {
  const made: string[] = [];
  const createDatabase = async () => {
    const name = `cronmesh_test_${randomUUID().replaceAll('-', '')}`;
    await run(adminUrl, `CREATE DATABASE ${name} TEMPLATE template0`);
    made.push(name);
    const url = new URL(adminUrl);
    url.pathname = `/${name}`;
    return url.href;
  };
  const foreign = async () => {
    throw new Error('TEST_DATABASE_URL names a server that the tests do not own');
  };
  return {
    url: await createDatabase(),
    createDatabase,
    get pid(): number {
      throw new Error('TEST_DATABASE_URL names a server that the tests do not own');
    },
    crash: foreign,
    restart: foreign,
    stop: async () => {
      for (const name of made) await run(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise(done => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
