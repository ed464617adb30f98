import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { eventually, freePort, killHard } from './process.ts';
import { toolPath, toolSkip } from './tools.ts';

/** For node:test's `skip`: false where Prometheus is there. */
export const prometheusSkip = (): string | false => toolSkip('prometheus');

export interface PrometheusOptions {
  /** `host:port` of what is scraped, by the value of the label `job`. */
  readonly targets: Readonly<Record<string, readonly string[]>>;
  /** Labels of every series, as service discovery would add them. */
  readonly labels?: Readonly<Record<string, string>>;
  /** By `job`: its targets are reached by https, with a bearer token where they ask for one. Default: http. */
  readonly https?: Readonly<Record<string, { readonly caFile: string; readonly token?: string }>>;
  /** Rule files, as text. */
  readonly rules?: readonly string[];
  /** Seconds between scrapes, and between evaluations. Default 1. */
  readonly every?: number;
}

/** One series of an answer. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Rule {
  readonly name: string;
  readonly query: string;
  readonly health: string;
  readonly lastError?: string;
  readonly type: 'alerting' | 'recording';
}

/** A target as Prometheus' own API tells of it. */
export interface Target {
  readonly labels: { readonly job: string; readonly instance: string };
  readonly scrapeUrl: string;
  readonly health: string;
  readonly lastError: string;
}

/** A real Prometheus on a free port of 127.0.0.1, with exemplars kept; its data outlives a kill. */
export class Prometheus {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly #folder: string;
  #child: ChildProcess | undefined;

  private constructor(url: string, folder: string) {
    this.url = url;
    this.#folder = folder;
  }

  /** Resolves when it answers. */
  static async start(options: PrometheusOptions): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'cronmesh-prometheus-'));
    writeFileSync(join(folder, 'prometheus.yaml'), dump(configOf(options, folder)));
    const prometheus = new Prometheus(`http://127.0.0.1:${await freePort()}`, folder);
    try {
      await prometheus.restart();
    } catch (error) {
      await prometheus.stop();
      throw error;
    }
    return prometheus;
  }

  /** On the same port; ends it first where it runs. Resolves when it answers. */
  async restart(): Promise<void> {
    const binary = toolPath('prometheus');
    if (binary === undefined) throw new Error(String(prometheusSkip()));
    await this.kill();
    const [folder, file] = [this.#folder, join(this.#folder, 'prometheus.log')];
    const log = openSync(file, 'a');
    const child = spawn(
      binary,
      [
        `--config.file=${join(folder, 'prometheus.yaml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${new URL(this.url).host}`,
        '--enable-feature=exemplar-storage',
        '--log.level=warn',
      ],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    this.#child = child;
    await eventually('Prometheus ready', async () => {
      if (child.exitCode !== null) throw new Error(readFileSync(file, 'utf8'));
      return (await fetch(`${this.url}/-/ready`)).ok;
    });
  }

  /** As a machine's end would: nothing is flushed. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    await killHard(child);
  }

  /** An instant vector, or a scalar. @throws Error when the expression is wrong */
  async query(expr: string): Promise<readonly Sample[]> {
    const { resultType, result } = await this.#get<{ resultType: string; result: unknown }>('query', { query: expr });
    if (resultType === 'scalar') return [{ metric: {}, value: Number((result as [number, string])[1]) }];
    const vector = result as { metric: Record<string, string>; value: [number, string] }[];
    return vector.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** Labels of the exemplars of the last 10 minutes. */
  async exemplars(expr: string): Promise<readonly Readonly<Record<string, string>>[]> {
    const now = Date.now() / 1_000;
    const found = await this.#get<{ exemplars: { labels: Record<string, string> }[] }[]>('query_exemplars', {
      query: expr,
      start: String(now - 600),
      end: String(now + 1),
    });
    return found.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels));
  }

  /** The values of a label, of the series that match. */
  async labelValues(label: string, match: string): Promise<readonly string[]> {
    return await this.#get<string[]>(`label/${label}/values`, { 'match[]': match });
  }

  /** Every rule with its health. */
  async rules(): Promise<readonly Rule[]> {
    const { groups } = await this.#get<{ groups: { rules: Rule[] }[] }>('rules', {});
    return groups.flatMap(({ rules }) => rules);
  }

  /** The names of alerts that fire now. */
  async firing(): Promise<ReadonlySet<string>> {
    const { alerts } = await this.#get<{ alerts: { state: string; labels: Record<string, string> }[] }>('alerts', {});
    return new Set(alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname ?? ''));
  }

  /** What is scraped now. */
  async targets(): Promise<readonly Target[]> {
    const { activeTargets } = await this.#get<{ activeTargets: Target[] }>('targets', { state: 'active' });
    return activeTargets;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #get<T>(path: string, parameters: Record<string, string>): Promise<T> {
    const url = `${this.url}/api/v1/${path}?${new URLSearchParams(parameters)}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    const answer = (await response.json()) as { status: string; data: T; error?: string };
    if (answer.status !== 'success') throw new Error(`Prometheus: ${answer.error} (${JSON.stringify(parameters)})`);
    return answer.data;
  }
}

/** Its configuration; the rule files go to the folder. */
function configOf({ targets, labels = {}, https = {}, rules = [], every = 1 }: PrometheusOptions, folder: string) {
  const files = rules.map((text, i) => {
    const file = join(folder, `rules-${i}.yaml`);
    writeFileSync(file, text);
    return file;
  });
  const pace = `${every}s`;
  return {
    global: { scrape_interval: pace, scrape_timeout: pace, evaluation_interval: pace },
    rule_files: files,
    scrape_configs: Object.entries(targets).map(([job, addresses]) => ({
      job_name: job,
      static_configs: [{ targets: addresses, labels }],
      ...access(https[job]),
    })),
  };
}

function access(https: NonNullable<PrometheusOptions['https']>[string] | undefined): object {
  if (https === undefined) return {};
  const { caFile, token } = https;
  return {
    scheme: 'https',
    tls_config: { ca_file: caFile },
    ...(token !== undefined && { authorization: { credentials: token } }),
  };
}
