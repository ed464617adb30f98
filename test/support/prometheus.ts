import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { eventually, freePort } from './process.ts';
import { toolPath, toolSkip } from './tools.ts';

/** For node:test's `skip`: false where Prometheus is there. */
export const prometheusSkip = (): string | false => toolSkip('prometheus');

export interface PrometheusOptions {
  /** `host:port` of what is scraped each second, by the value of the label `job`. */
  readonly targets: Readonly<Record<string, readonly string[]>>;
  /** Labels of every series, as service discovery would add them. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Rule files, as text; evaluated each second. */
  readonly rules?: readonly string[];
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

/** A real Prometheus on a free port of 127.0.0.1, with exemplars kept. */
export class Prometheus {
  readonly #base: string;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(base: string, folder: string, child: ChildProcess) {
    this.#base = base;
    this.#folder = folder;
    this.#child = child;
  }

  /** Resolves when it answers. */
  static async start({ targets, labels = {}, rules = [] }: PrometheusOptions): Promise<Prometheus> {
    const binary = toolPath('prometheus');
    if (binary === undefined) throw new Error(String(prometheusSkip()));
    const folder = mkdtempSync(join(tmpdir(), 'cronmesh-prometheus-'));
    const files = rules.map((text, i) => {
      const file = join(folder, `rules-${i}.yaml`);
      writeFileSync(file, text);
      return file;
    });
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: files,
      scrape_configs: Object.entries(targets).map(([job, addresses]) => ({
        job_name: job,
        static_configs: [{ targets: addresses, labels }],
      })),
    };
    writeFileSync(join(folder, 'prometheus.yaml'), dump(config));
    const address = `127.0.0.1:${await freePort()}`;
    const log = openSync(join(folder, 'prometheus.log'), 'a');
    const child = spawn(
      binary,
      [
        `--config.file=${join(folder, 'prometheus.yaml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${address}`,
        '--enable-feature=exemplar-storage',
        '--log.level=warn',
      ],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    const prometheus = new Prometheus(`http://${address}`, folder, child);
    try {
      await eventually('Prometheus ready', async () => {
        if (child.exitCode !== null) throw new Error(readFileSync(join(folder, 'prometheus.log'), 'utf8'));
        return (await fetch(`http://${address}/-/ready`)).ok;
      });
    } catch (error) {
      await prometheus.stop();
      throw error;
    }
    return prometheus;
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

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exit = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await exit;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #get<T>(path: string, parameters: Record<string, string>): Promise<T> {
    const url = `${this.#base}/api/v1/${path}?${new URLSearchParams(parameters)}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    const answer = (await response.json()) as { status: string; data: T; error?: string };
    if (answer.status !== 'success') throw new Error(`Prometheus: ${answer.error} (${JSON.stringify(parameters)})`);
    return answer.data;
  }
}
