import { join } from 'node:path';
import type { Registry } from 'prom-client';
import type { LiveConfig } from '../config/live.ts';
import { type Config, workerExecutors, workerName } from '../config/schema.ts';
import type { Coordinator } from '../coordination/coordinator.ts';
import type { Service } from '../domain/lifecycle.ts';
import { makeWorkerId } from '../domain/run/worker-id.ts';
import type { Logger } from '../observability/logger.ts';
import type { Tracing } from '../observability/tracing.ts';
import { publishedCatalog, sourcesOf } from '../worker/modules/catalog.ts';
import { openFileSpool } from '../worker/reporting/file-spool.ts';
import { reportMetrics } from '../worker/reporting/metrics.ts';
import { Reporter } from '../worker/reporting/reporter.ts';
import type { ReportTransport } from '../worker/reporting/transport.ts';
import { SupervisorClient } from '../worker/supervisor/client.ts';
import type { ConsulAccess } from '../worker/supervisor/protocol.ts';
import { Worker } from '../worker/worker.ts';
import { onStop, randomText, version } from './runtime.ts';
import type { WorkerModules } from './worker-modules.ts';

/** How long a stopping worker goes on delivering reports; what is left stays in its spool for the next start. */
const flushWithin = 5_000;

export interface WorkerParts {
  readonly config: Config;
  readonly live: LiveConfig;
  /** What `worker.modules` define: `loadWorkerModules`. */
  readonly modules: WorkerModules;
  readonly coordinator: Coordinator;
  readonly transport: ReportTransport;
  readonly registry: Registry;
  readonly tracing: Tracing;
  readonly logger: Logger;
  /** See `WorkerOptions`. */
  readonly address?: string | undefined;
  readonly healthAddress: { readonly host: string; readonly port: number; readonly secure?: boolean };
  /** Where the master is that is in this process, and in no catalog. */
  readonly masterUrl?: string;
  /** How the supervisor reaches Consul once the worker is dead. */
  readonly consul?: ConsulAccess;
}

/** A worker from its parts, the same on Consul as in one process. Its services come in the order of starting. */
export async function assembleWorker(
  parts: WorkerParts,
): Promise<{ readonly worker: Worker; readonly services: readonly Service[] }> {
  const { config, coordinator, transport, logger, registry, modules } = parts;
  const name = workerName(config);
  const id = makeWorkerId(name, randomText(5));
  const kubernetes = config.worker.kubernetesAccess || config.worker.executors.includes('kubernetes');
  const directory = join(config.data.directory, `worker-${name}`);
  const spool = await openFileSpool({
    directory: join(directory, 'spool'),
    worker: id,
    logger,
    maxBytes: config.worker.spoolLimitBytes,
  });
  const reporter = new Reporter({ worker: id, spool, transport, logger, ...reportMetrics(registry, spool) });
  const worker = new Worker({
    id,
    name,
    labels: config.worker.labels,
    capacity: config.worker.capacity,
    executors: workerExecutors(config, modules.catalog),
    modules: modules.catalog.jobs.map(one => one.name),
    customs: modules.catalog.executors.map(one => one.name),
    catalog: publishedCatalog(modules.catalog),
    kubernetes,
    version,
    address: parts.address,
    healthAddress: parts.healthAddress,
    callbackUrl: config.worker.callbackUrl ?? parts.masterUrl,
    coordinator,
    supervisor: onMessage =>
      new SupervisorClient({
        worker: id,
        serviceId: id,
        directory: join(directory, 'supervisor'),
        allowPrivateAddresses: config.worker.allowPrivateAddresses,
        kubernetes,
        users: config.worker.shell.users,
        secrets: {
          variables: config.worker.secrets.environment,
          ...(config.worker.secrets.directory !== undefined && { directory: config.worker.secrets.directory }),
        },
        ...(config.worker.modules.length > 0 && { modules: sourcesOf(modules.catalog, modules.base) }),
        logger,
        onMessage,
        ...(parts.consul !== undefined && { consul: parts.consul }),
      }),
    spool,
    drain: config.worker.drainSeconds * 1000,
    logger,
    registry,
    perJob: config.metrics.perJob,
    tracing: parts.tracing,
  });
  parts.live.subscribe(['worker.capacity', 'worker.labels'], now => worker.reconfigure(now.worker));
  return {
    worker,
    services: [
      onStop(async () => {
        await transport.close();
        await spool.close();
      }),
      reporter,
      onStop(async () => {
        await reporter.flush(flushWithin);
      }),
      worker,
    ],
  };
}
