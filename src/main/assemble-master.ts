import { randomBytes } from 'node:crypto';
import type { Registry } from 'prom-client';
import type { LiveConfig } from '../config/live.ts';
import type { Config } from '../config/schema.ts';
import type { Coordinator } from '../coordination/coordinator.ts';
import type { Service } from '../domain/lifecycle.ts';
import { ReportIngest } from '../master/grpc/ingest.ts';
import { traceReports } from '../master/grpc/trace-reports.ts';
import { Access } from '../master/http/access.ts';
import { admission, type Bindings } from '../master/http/admission/admission.ts';
import { createApp } from '../master/http/app.ts';
import { ClockGuard } from '../master/leader/clock.ts';
import { type Keeping, Leader } from '../master/leader/leader.ts';
import { masterMetrics } from '../master/metrics.ts';
import { BackfillService } from '../master/services/backfills.ts';
import { CalendarService } from '../master/services/calendars/calendars.ts';
import { CallbackService } from '../master/services/callbacks.ts';
import { Changes } from '../master/services/changes.ts';
import { CordonService } from '../master/services/cordons.ts';
import { DryRuns } from '../master/services/dry-run.ts';
import { FreezeService } from '../master/services/freezes.ts';
import { JobService } from '../master/services/jobs.ts';
import { ModuleCheck } from '../master/services/modules.ts';
import { PublicationWatch } from '../master/services/publication-watch.ts';
import { Publisher } from '../master/services/publisher.ts';
import { RunService } from '../master/services/runs.ts';
import { StandingService } from '../master/services/standing.ts';
import { WhyService } from '../master/services/why/why.ts';
import { WorkerDirectory } from '../master/services/workers.ts';
import type { Logger } from '../observability/logger.ts';
import { LoopDelay } from '../observability/loop-delay.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { Store } from '../store/store.ts';
import { ApiTokens } from './api-tokens.ts';
import { createChannels } from './channels.ts';
import { ForbiddenJobs } from './forbidden-jobs.ts';
import { outputArchive } from './loki-client.ts';
import { onStop, randomText } from './runtime.ts';
import { databaseWatch } from './server-watch.ts';

const dayMs = 86_400_000;

export interface MasterParts {
  readonly config: Config;
  readonly live: LiveConfig;
  /** This master, for people. */
  readonly name: string;
  readonly store: Store;
  readonly coordinator: Coordinator;
  /** Checks in the catalog that a leading master's session ends with. */
  readonly serviceChecks?: readonly string[];
  readonly registry: Registry;
  readonly tracing: Tracing;
  readonly logger: Logger;
}

export interface Master {
  /** Answers what comes over HTTP, or refuses it where it is too much. */
  readonly fetch: ReturnType<typeof admission>;
  readonly ingest: ReportIngest;
  readonly jobs: JobService;
  /** In the order of starting. */
  readonly services: readonly Service[];
}

/** A master from its parts, the same on Consul and PostgreSQL as in one process. */
export function assembleMaster(parts: MasterParts): Master {
  const { config, live, store, coordinator, logger, registry } = parts;
  const changes = new Changes();
  const channels = createChannels(config.notifications.channels, process.env);
  const database = databaseWatch(store, { logger, registry });
  const workers = new WorkerDirectory({ coordinator, logger });
  const clock = new ClockGuard({ coordinator, logger, master: parts.name });
  const publisher = new Publisher({ coordinator, store, logger });
  const { clockOk } = clock;
  const { archive, service: archiveConnections } = outputArchive(config, logger);
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
    serviceChecks: parts.serviceChecks,
    rules: config.namespaces,
    ...keepingOf(config),
    channels,
    archive,
    registry,
  });
  live.subscribe(['history.retentionDays', 'history.runsPerJob', 'history.outputBytesPerJob'], now =>
    leader.keep(keepingOf(now)),
  );
  const common = { store, publishing: publisher, changes, logger, clock: Date.now, clockOk };
  const rules = config.namespaces;
  const modules = new ModuleCheck({ workers, coordinator, logger });
  const jobs = new JobService({ ...common, randomBytes, rules, modules, channels: [...channels.keys()] });
  const stopping = new AbortController();
  const readiness = () => {
    const reasons = [...database.reasons, ...(clock.clockOk() ? [] : ["its clock is off from its peers'"])];
    return { ready: reasons.length === 0, reasons };
  };
  const loop = new LoopDelay();
  const { loopDelayMs: loopDelay, ...limits } = config.http.limits;
  const tokens = new ApiTokens(config, logger);
  if (!tokens.wanted && !isLoopback(config.http.host)) {
    logger.warn(
      'REST asks for no tokens: whoever reaches it may have commands run; set auth.tokens or auth.tokensFile',
    );
  }
  const app = createApp({
    jobs,
    calendars: new CalendarService(common),
    runs: new RunService({ ...common, workers, randomText, archive, most: config.pending }),
    why: new WhyService({ ...common, freezes }),
    freezes,
    cordons: new CordonService({ coordinator, workers, logger, clock: Date.now }),
    standing: new StandingService({ workers, freezes, rules, clock: Date.now }),
    dryRuns: new DryRuns({ coordinator, workers, clock: Date.now, randomText }),
    backfills: new BackfillService({ ...common, randomText }),
    callbacks: new CallbackService({ coordinator, store, clock: Date.now }),
    callbacksPerSecond: () => live.config.http.callbacksPerSecond,
    clock: Date.now,
    workers,
    changes,
    registry,
    logger,
    readiness,
    ...(isLoopback(config.http.host) && {
      hosts: ['localhost', '127.0.0.1', '[::1]', config.http.host, ...hostOf(config.http.publicUrl)],
    }),
    access: tokens.wanted ? new Access(() => tokens.current, { metrics: config.auth.metrics }) : undefined,
    pageOverlay: config.http.pageOverlay,
    stopping: stopping.signal,
  });
  const metrics = masterMetrics(registry, { ready: () => readiness().ready, workers: () => workers.list() });
  const ingest = new ReportIngest({ store, logger, ...metrics });
  ingest.onReports((_worker, reports) =>
    changes.runsChanged([...new Set(reports.flatMap(report => (report.type === 'skipped' ? [] : [report.run])))]),
  );
  const fetch = (request: Request, bindings: Bindings) => app.fetch(request, bindings);
  if (parts.tracing.enabled) ingest.onReports(traceReports(parts.tracing, parts.name));
  return {
    fetch: admission(fetch, { ...limits, loopDelay, delay: () => loop.delay, registry, logger }),
    ingest,
    jobs,
    // Stopped in the reverse order: open streams are told first.
    services: [
      archiveConnections,
      database,
      workers,
      clock,
      publisher,
      new PublicationWatch({ store, logger, registry }),
      leader,
      tokens,
      new ForbiddenJobs({ store, rules, logger }),
      loop,
      onStop(async () => stopping.abort()),
    ],
  };
}

function keepingOf({ history: { retentionDays, runsPerJob, outputBytesPerJob } }: Config): Keeping {
  return {
    retainFor: retentionDays * dayMs,
    history: {
      ...(runsPerJob !== undefined && { runs: runsPerJob }),
      ...(outputBytesPerJob !== undefined && { outputBytes: outputBytesPerJob }),
    },
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** A proxy before a master on loopback passes the public name on. */
function hostOf(url: string | undefined): readonly string[] {
  return url === undefined ? [] : [new URL(url).hostname];
}
