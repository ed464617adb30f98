import { randomBytes } from 'node:crypto';
import { Registry } from 'prom-client';
import { MemoryCoordinator } from '../../src/coordination/memory/memory.ts';
import type { TriggerRecord } from '../../src/coordination/records.ts';
import type { NamespaceRules } from '../../src/domain/policy/allow-list.ts';
import { isEligible } from '../../src/domain/policy/eligibility.ts';
import type { Report } from '../../src/domain/run/report.ts';
import type { RunId, WorkerId } from '../../src/domain/run/run.ts';
import type { Instant } from '../../src/domain/time.ts';
import type { OutputArchive } from '../../src/master/archive/output-archive.ts';
import { createApp } from '../../src/master/http/app.ts';
import type { AppDependencies, Readiness } from '../../src/master/http/dependencies.ts';
import { BackfillService } from '../../src/master/services/backfills.ts';
import { CalendarService } from '../../src/master/services/calendars/calendars.ts';
import { CallbackService } from '../../src/master/services/callbacks.ts';

import { Changes } from '../../src/master/services/changes.ts';
import { CordonService } from '../../src/master/services/cordons.ts';
import { DryRuns } from '../../src/master/services/dry-run.ts';
import { FreezeService } from '../../src/master/services/freezes.ts';
import { JobService } from '../../src/master/services/jobs.ts';
import type { PendingLimits } from '../../src/master/services/pending-limits.ts';
import type { Publishing } from '../../src/master/services/publishing.ts';
import { RunService } from '../../src/master/services/runs.ts';
import { StandingService } from '../../src/master/services/standing.ts';
import { WhyService } from '../../src/master/services/why/why.ts';
import type { WorkerView } from '../../src/master/services/workers.ts';
import { silentLogger } from '../../src/observability/logger.ts';
import { openPgliteStore } from '../../src/store/prisma/pglite.ts';
import type { NewRun, Run, Store } from '../../src/store/store.ts';

/** Remembers what it was asked; `fail` makes it refuse. */
export class FakePublishing implements Publishing {
  readonly published: string[] = [];
  readonly triggers: NewRun[] = [];
  readonly kills: { readonly run: RunId; readonly by: string }[] = [];
  /** What Consul has of every job. */
  waitingTriggers: TriggerRecord[] = [];
  fail: Error | undefined;

  async publish(keys: readonly { readonly namespace: string; readonly name: string }[]): Promise<void> {
    if (this.fail) throw this.fail;
    this.published.push(...keys.map(key => `${key.namespace}/${key.name}`));
  }

  async publishTrigger(...runs: readonly NewRun[]): Promise<void> {
    if (this.fail) throw this.fail;
    this.triggers.push(...runs);
  }

  async waiting(): Promise<readonly TriggerRecord[]> {
    if (this.fail) throw this.fail;
    return this.waitingTriggers;
  }

  /** Runs whose triggers were written: they can't be taken back. */
  readonly written = new Set<RunId>();
  readonly withdrawn: RunId[] = [];

  async withdraw(run: Run): Promise<boolean> {
    if (this.fail) throw this.fail;
    if (this.written.has(run.id)) return false;
    this.withdrawn.push(run.id);
    return true;
  }

  async requestKill(run: Run, by: string): Promise<void> {
    if (this.fail) throw this.fail;
    this.kills.push({ run: run.id, by });
  }
}

export type ApiOptions = Partial<AppDependencies> & {
  readonly rules?: NamespaceRules;
  readonly most?: PendingLimits;
  readonly archive?: Pick<OutputArchive, 'read'>;
};

/** The REST API over a real (embedded, in-memory) database, with a clock of its own and a publisher that only remembers. */
export class Api {
  readonly store: Store;
  readonly publishing = new FakePublishing();
  /** What dry runs look at. */
  readonly coordinator = new MemoryCoordinator();
  readonly changes = new Changes();
  readonly registry = new Registry();
  readonly stopping = new AbortController();
  readonly jobs: JobService;
  readonly runs: RunService;
  readonly freezes: FreezeService;
  readonly app: ReturnType<typeof createApp>;
  now: Instant = Date.parse('2026-03-01T12:00:00Z');
  clockOk = true;
  readiness: Readiness = { ready: true, reasons: [] };
  workers: WorkerView[] = [];

  private constructor(store: Store, options: ApiOptions) {
    this.store = store;
    const { publishing, changes } = this;
    const common = { publishing, changes, logger: silentLogger, clock: () => this.now, clockOk: () => this.clockOk };
    this.jobs = new JobService({ store, ...common, randomBytes, rules: options.rules });
    const randomText = (count: number): string => randomBytes(count).toString('hex').slice(0, count);
    const { coordinator } = this;
    const { clock } = common;
    const eligible = (needs: Parameters<typeof isEligible>[1]) =>
      this.workers.filter(worker => worker.ready && isEligible(worker, needs));
    const directory = { current: true, eligible };
    const { most, archive } = options;
    this.runs = new RunService({ store, ...common, workers: directory, randomText, archive, ...(most && { most }) });
    const workers = { list: () => this.workers, current: true };
    this.freezes = new FreezeService({ ...common, store, coordinator });
    this.app = createApp({
      jobs: this.jobs,
      runs: this.runs,
      calendars: new CalendarService({ store, ...common }),
      dryRuns: new DryRuns({ coordinator, workers: directory, clock, randomText }),
      backfills: new BackfillService({ store, clock, randomText, clockOk: () => this.clockOk }),
      why: new WhyService({ store, clock, freezes: this.freezes }),
      freezes: this.freezes,
      cordons: new CordonService({ coordinator, workers, logger: silentLogger, clock }),
      standing: new StandingService({ workers, freezes: this.freezes, rules: options.rules, clock }),
      callbacks: new CallbackService({ coordinator, store, clock }),
      clock,
      workers,
      changes,
      readiness: () => this.readiness,
      registry: this.registry,
      logger: silentLogger,
      stopping: this.stopping.signal,
      ...options,
    });
  }

  /** `wrap` may put a store of the test's own before the real one. */
  static async open(options: ApiOptions & { readonly wrap?: (store: Store) => Store } = {}): Promise<Api> {
    const store = await openPgliteStore({ archive: options.archive !== undefined });
    await store.migrate();
    const { wrap, ...rest } = options;
    return new Api(wrap ? wrap(store) : store, rest);
  }

  /** Another master on the same database. */
  static over(other: Api, options: ApiOptions): Api {
    return new Api(other.store, options);
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.coordinator.close();
    await this.store.close();
  }

  /** Sends a request; an object goes as JSON, a string as it is (with its type in `headers`). */
  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const type: Record<string, string> =
      body === undefined || typeof body === 'string' ? {} : { 'content-type': 'application/json' };
    const response = await this.app.request(path, {
      method,
      headers: { host: 'localhost', ...type, ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined;
    return { status: response.status, headers: response.headers, text, json };
  }

  /** A worker's reports, as the masters commit them. */
  async report(worker: string, ...reports: Report[]): Promise<void> {
    await this.store.applyReports(worker as WorkerId, reports, this.now);
    this.changes.runsChanged(reports.flatMap(report => ('run' in report ? [report.run] : [])));
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any;
}

/** A small right manifest. */
export function manifest(name: string, spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}) {
  return {
    metadata: { name, ...metadata },
    spec: { schedule: '0 3 * * *', executor: { shell: { command: 'date' } }, ...spec },
  };
}
