import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { eventually, freePort, killHard } from './process.ts';
import { toolPath, toolSkip } from './tools.ts';

/** For node:test's `skip`: false where Loki is there. */
export const lokiSkip = (): string | false => toolSkip('loki');

/** An entry that was found, oldest first. */
export interface Found {
  /** Nanoseconds since 1970. */
  readonly at: bigint;
  readonly line: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Answer {
  readonly data: {
    readonly resultType: string;
    readonly result: readonly {
      readonly stream?: Record<string, string>;
      readonly metric?: Record<string, string>;
      readonly values: readonly [string, string][];
    }[];
  };
}

/** A real Loki with its default limits, on free ports of 127.0.0.1; its data outlives a kill. */
export class Loki {
  readonly url: string;
  readonly #folder: string;
  #child: ChildProcess | undefined;

  private constructor(url: string, folder: string) {
    this.url = url;
    this.#folder = folder;
  }

  /** Where it will be, not started yet. */
  static async prepare(): Promise<Loki> {
    const folder = mkdtempSync(join(tmpdir(), 'cronmesh-loki-'));
    const [http, grpc] = [await freePort(), await freePort()];
    const local = '127.0.0.1';
    const config = {
      auth_enabled: false,
      analytics: { reporting_enabled: false },
      server: {
        http_listen_address: local,
        http_listen_port: http,
        grpc_listen_address: local,
        grpc_listen_port: grpc,
        log_level: 'warn',
      },
      common: {
        path_prefix: join(folder, 'data'),
        replication_factor: 1,
        instance_addr: local,
        ring: { instance_addr: local, kvstore: { store: 'inmemory' } },
      },
      schema_config: {
        configs: [
          {
            from: '2024-01-01',
            store: 'tsdb',
            object_store: 'filesystem',
            schema: 'v13',
            index: { prefix: 'index_', period: '24h' },
          },
        ],
      },
      storage_config: { filesystem: { directory: join(folder, 'chunks') } },
    };
    writeFileSync(join(folder, 'loki.yaml'), dump(config));
    return new Loki(`http://${local}:${http}`, folder);
  }

  /** Resolves when it takes lines and answers. */
  static async start(): Promise<Loki> {
    const loki = await Loki.prepare();
    await loki.start();
    return loki;
  }

  async start(): Promise<void> {
    const binary = toolPath('loki');
    if (binary === undefined) throw new Error(String(lokiSkip()));
    const log = openSync(join(this.#folder, 'loki.log'), 'a');
    const child = spawn(binary, [`-config.file=${join(this.#folder, 'loki.yaml')}`], { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#child = child;
    // `/ready` waits 15 s more for a ring to settle, which has one member: a push is what is wanted.
    await eventually(
      'Loki takes lines',
      async () => {
        if (child.exitCode !== null)
          throw new Error(readFileSync(join(this.#folder, 'loki.log'), 'utf8').slice(-2_000));
        const values = [[`${Date.now()}000000`, 'here']];
        const body = JSON.stringify({ streams: [{ stream: { probe: 'start' }, values }] });
        const headers = { 'Content-Type': 'application/json' };
        return (await fetch(`${this.url}/loki/api/v1/push`, { method: 'POST', headers, body })).ok;
      },
      30_000,
      200,
    );
  }

  /** Has everything written to disk, as happens by itself in half an hour. */
  async flush(): Promise<void> {
    await fetch(`${this.url}/flush`, { method: 'POST' });
  }

  /** As a machine's end would: nothing is flushed. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    await killHard(child);
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Entries of the last 24 hours, oldest first, in pages. @throws Error when the query is wrong */
  async lines(query: string): Promise<readonly Found[]> {
    const all: Found[] = [];
    for (let from = BigInt(Date.now() - 86_400_000) * 1_000_000n; ; from = (all.at(-1)?.at ?? 0n) + 1n) {
      const { data } = await this.#get(query, from);
      const found = data.result
        .flatMap(({ stream = {}, values }) => values.map(([at, line]) => ({ at: BigInt(at), line, labels: stream })))
        .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
      all.push(...found);
      if (found.length < limit) return all;
    }
  }

  /** Series of a metric query over the last day, with their labels. */
  async series(query: string): Promise<readonly Readonly<Record<string, string>>[]> {
    const { data } = await this.#get(query, BigInt(Date.now() - 3_600_000) * 1_000_000n);
    return data.result.map(({ metric = {} }) => metric);
  }

  /** The streams that there are, by their labels. */
  async streams(match: string): Promise<readonly Readonly<Record<string, string>>[]> {
    const response = await fetch(`${this.url}/loki/api/v1/series?${new URLSearchParams({ 'match[]': match })}`);
    return ((await response.json()) as { data: Record<string, string>[] }).data;
  }

  async #get(query: string, from: bigint): Promise<Answer> {
    const to = BigInt(Date.now() + 60_000) * 1_000_000n;
    const asked = {
      query,
      start: String(from),
      end: String(to),
      limit: String(limit),
      direction: 'forward',
      step: '60',
    };
    const response = await fetch(`${this.url}/loki/api/v1/query_range?${new URLSearchParams(asked)}`, {
      signal: AbortSignal.timeout(15_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Loki: ${response.status}: ${text} (${query})`);
    return JSON.parse(text) as Answer;
  }
}

const limit = 5_000;
