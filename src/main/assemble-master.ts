import { randomBytes } from 'node:crypto';
import type { Registry } from 'prom-client';
import type { Config } from '../config/schema.ts';
import type { Coordinator } from '../coordination/coordinator.ts';
import type { JobHistory } from '../domain/job/spec.ts';
import type { Service } from '../domain/lifecycle.ts';
import { ReportIngest } from '../master/grpc/ingest.ts';
import { traceReports } from '../master/grpc/trace-reports.ts';
import { Access } from '../master/http/access.ts';
import { createApp } from '../master/http/app.ts';
import { ClockGuard } from '../master/leader/clock.ts';
import { Leader } from '../master/leader/leader.ts';
import { BackfillService } from '../master/services/backfills.ts';
import { CalendarService } from '../master/services/calendars/calendars.ts';
import { CallbackService } from '../master/services/callbacks.ts';

import { Changes } from '../master/services/changes.ts';
import { CordonService } from '../master/services/cordons.ts';
import { DryRuns } from '../master/services/dry-run.ts';
import { FreezeService } from '../master/services/freezes.ts';
import { JobService } from '../master/services/jobs.ts';
import { ModuleCheck } from '../master/services/modules.ts';
import { Publisher } from '../master/services/publisher.ts';
import { RunService } from '../master/services/runs.ts';
import { StandingService } from '../master/services/standing.ts';
import { WhyService } from '../master/services/why/why.ts';
import { WorkerDirectory } from '../master/services/workers.ts';
import type { Logger } from '../observability/logger.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { Store } from '../store/store.ts';
import { ApiTokens } from './api-tokens.ts';
import { createChannels } from './channels.ts';
import { DatabaseWatch } from './database-watch.ts';
import { ForbiddenJobs } from './forbidden-jobs.ts';
import { onStop, randomText } from './runtime.ts';

const dayMs = 86_400_000;

export interface MasterParts {
  readonly config: Config;
  /** This master, for people. */
  readonly name: string;
  readonly store: Store;
  readonly coordinator: Coordinator;
  readonly registry: Registry;
  readonly tracing: Tracing;
  readonly logger: Logger;
}

export interface Master {
  readonly app: ReturnType<typeof createApp>;
  readonly ingest: ReportIngest;
  readonly jobs: JobService;
  /** In the order of starting. */
  readonly services: readonly Service[];
}

/** A master from its parts, the same on Consul and PostgreSQL as in one process. */
export function assembleMaster(parts: MasterParts): Master {
  const { config, store, coordinator, logger, registry } = parts;
  const changes = new Changes();
  const channels = createChannels(config.notifications.channels, process.env);
  const database = new DatabaseWatch(store, logger);
  const workers = new WorkerDirectory({ coordinator, logger });
  const clock = new ClockGuard({ coordinator, logger, master: parts.name });
  const publisher = new Publisher({ coordinator, store, logger, registry });
  const { clockOk } = clock;
  const freezes = new FreezeService({ store, coordinator, logger, clock: Date.now, clockOk, registry });
  const leader = new Leader({
    coordinator,
    store,
    publisher,
    workers,
    freezes,
    master: parts.name,
    logger,
    clockOk,
    rules: config.namespaces,
    retainFor: config.history.retentionDays * dayMs,
    history: historyOf(config),
    channels,
    registry,
  });
  const common = { store, publishing: publisher, changes, logger, clock: Date.now, clockOk };
  const rules = config.namespaces;
  const modules = new ModuleCheck({ workers, coordinator, logger });
  const jobs = new JobService({ ...common, randomBytes, rules, modules, channels: [...channels.keys()] });
  const stopping = new AbortController();
  const tokens = new ApiTokens(config, logger);
  if (!tokens.wanted && !isLoopback(config.http.host)) {
    logger.warn(
      'REST asks for no tokens: whoever reaches it may have commands run; set auth.tokens or auth.tokensFile',
    );
  }
  const app = createApp({
    jobs,
    calendars: new CalendarService(common),
    runs: new RunService({ ...common, workers, randomText }),
    why: new WhyService({ ...common, freezes }),
    freezes,
    cordons: new CordonService({ coordinator, workers, logger, clock: Date.now }),
    standing: new StandingService({ workers, freezes, rules, clock: Date.now }),
    dryRuns: new DryRuns({ coordinator, workers, clock: Date.now, randomText }),
    backfills: new BackfillService({ ...common, randomText }),
    callbacks: new CallbackService({ coordinator, store, clock: Date.now }),
    clock: Date.now,
    workers,
    changes,
    registry,
    logger,
    readiness: () => {
      const reasons = [...database.reasons, ...(clock.clockOk() ? [] : ["its clock is off from its peers'"])];
      return { ready: reasons.length === 0, reasons };
    },
    ...(isLoopback(config.http.host) && {
      hosts: ['localhost', '127.0.0.1', '[::1]', config.http.host, ...hostOf(config.http.publicUrl)],
    }),
    access: tokens.wanted ? new Access(() => tokens.current, { metrics: config.auth.metrics }) : undefined,
    pageOverlay: config.http.pageOverlay,
    stopping: stopping.signal,
  });
  const ingest = new ReportIngest({ store, logger });
  ingest.onReports((_worker, reports) =>
    changes.runsChanged([...new Set(reports.flatMap(report => (report.type === 'skipped' ? [] : [report.run])))]),
  );
  if (parts.tracing.enabled) ingest.onReports(traceReports(parts.tracing, parts.name));
  return {
    app,
    ingest,
    jobs,
    // Stopped in the reverse order: open streams are told first.
    services: [
      database,
      workers,
      clock,
      publisher,
      leader,
      tokens,
      new ForbiddenJobs({ store, rules, logger }),
      onStop(async () => stopping.abort()),
    ],
  };
}

function historyOf({ history: { runsPerJob, outputBytesPerJob } }: Config): JobHistory {
  return {
    ...(runsPerJob !== undefined && { runs: runsPerJob }),
    ...(outputBytesPerJob !== undefined && { outputBytes: outputBytesPerJob }),
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** A proxy before a master on loopback passes the public name on. */
function hostOf(url: string | undefined): readonly string[] {
  return url === undefined ? [] : [new URL(url).hostname];
}
