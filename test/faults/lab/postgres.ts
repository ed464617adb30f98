import { chownSync } from 'node:fs';
import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { postgresFolder, unprivilegedUser } from '../../support/postgres-install.ts';
import { eventually } from '../../support/process.ts';
import { command } from './command.ts';
import type { Node, PostgresNode } from './lab.ts';
import { processesIn, signalAll } from './namespace.ts';
import { NodeProcess } from './process.ts';
import { Volume } from './volume.ts';

export interface LabPostgresOptions {
  readonly node: Node;
  readonly namespace: string;
  readonly subnet: string;
  readonly folder: string;
  readonly lab: string;
  readonly log: string;
}

/** As `mount` takes it. A fresh cluster takes 40 MB, its log up to 64. */
const size = '192m';

/** PostgreSQL on a node and a small disk of its own; the harness speaks with it over its Unix socket. */
export class LabPostgres implements PostgresNode {
  readonly name: string;
  readonly address: string;
  readonly url: string;
  readonly #options: LabPostgresOptions;
  readonly #programs: string;
  readonly #volume: Volume;
  readonly #data: string;
  readonly #process: NodeProcess;

  constructor(options: LabPostgresOptions) {
    const { node, folder, lab, namespace, log } = options;
    this.#options = options;
    this.name = node.name;
    this.address = node.address;
    this.url = `postgresql://cronmesh@${node.address}:5432/cronmesh`;
    this.#programs = postgresFolder() ?? '';
    this.#volume = new Volume(folder, lab, size);
    this.#data = join(this.#volume.data, 'cluster');
    const user = unprivilegedUser();
    if (user) chownSync(this.#volume.data, user.uid, user.gid);
    const settings = {
      listen_addresses: node.address,
      unix_socket_directories: this.#volume.data,
      min_wal_size: '32MB',
      max_wal_size: '64MB',
      log_line_prefix: '%m [%p] ',
    };
    const set = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.#process = new NodeProcess({
      namespace,
      node: node.name,
      command: [...asUser(), join(this.#programs, 'postgres'), '-D', this.#data, ...set],
      log,
    });
  }

  get running(): boolean {
    return this.#process.running;
  }

  /** Makes the database, and starts it. */
  async create(): Promise<void> {
    const [program = '', ...args] = [...asUser(), join(this.#programs, 'initdb'), '-D', this.#data];
    await command(program, [...args, '-U', 'cronmesh', '--auth=trust', '-E', 'UTF8', '--no-locale', '-N']);
    await appendFile(join(this.#data, 'pg_hba.conf'), `host all all ${this.#options.subnet} trust\n`);
    await this.start();
    await eventually('PostgreSQL', () => this.#run('postgres', 'SELECT 1'), 30_000);
    await this.#run('postgres', 'CREATE DATABASE cronmesh TEMPLATE template0');
  }

  async start(): Promise<void> {
    if (this.running) return;
    // A process that has the dead one's id by now must not keep the new one from starting.
    await rm(join(this.#data, 'postmaster.pid'), { force: true });
    await this.#process.start();
  }

  /** SIGQUIT ends it without a word to its disk: it recovers from its log at the next start. */
  async crash(): Promise<void> {
    this.#process.signal('SIGQUIT');
    this.resume();
    const deadline = Date.now() + 5_000;
    while (this.#processes().length > 0) {
      if (Date.now() > deadline) signalAll(this.#processes(), 'SIGKILL');
      await sleep(20);
    }
    await this.#process.kill();
  }

  pause(): void {
    this.#process.pause();
    signalAll(this.#processes(), 'SIGSTOP');
  }

  resume(): void {
    signalAll(this.#processes(), 'SIGCONT');
  }

  fillDisk(): Promise<void> {
    return this.#volume.fill();
  }

  freeDisk(): Promise<void> {
    return this.#volume.free();
  }

  async query<Row>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return await this.#run<Row>('cronmesh', sql, values);
  }

  /** Whether a query is answered within so many milliseconds. */
  async answers(timeout: number): Promise<boolean> {
    try {
      await this.#run('cronmesh', 'SELECT 1', [], timeout);
      return true;
    } catch {
      return false;
    }
  }

  /** A connection for each query: one that was stopped or killed with its server is no one's trouble later. */
  async #run<Row>(database: string, sql: string, values: readonly unknown[] = [], timeout = 30_000): Promise<Row[]> {
    const client = new pg.Client({
      host: this.#volume.data,
      user: 'cronmesh',
      database,
      connectionTimeoutMillis: timeout,
      query_timeout: timeout,
    });
    client.on('error', () => {});
    try {
      await client.connect();
      return (await client.query(sql, [...values])).rows as Row[];
    } finally {
      // Not waited for: a stopped server never answers.
      client.end().catch(() => {});
    }
  }

  #processes(): number[] {
    return processesIn(this.#options.namespace);
  }
}

function asUser(): string[] {
  const user = unprivilegedUser();
  return user === undefined ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
}
