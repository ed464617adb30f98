import { hostname } from 'node:os';
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import type { StartOptions } from '../cli/program.ts';
import { ConfigError } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { ConsulCoordinator } from '../coordination/consul/consul.ts';
import type { ServiceCheck } from '../coordination/coordinator.ts';
import { masterService } from '../coordination/master-service.ts';
import { isRetryable } from '../domain/errors.ts';
import type { Milliseconds } from '../domain/time.ts';
import { GrpcServer } from '../master/grpc/server.ts';
import type { Logger } from '../observability/logger.ts';
import { startTracing } from '../observability/opentelemetry.ts';
import { createRegistry, observedGauge } from '../observability/registry.ts';
import { openPostgresStore, type PostgresOptions } from '../store/prisma/index.ts';
import type { Store } from '../store/store.ts';
import { assembleMaster } from './assemble-master.ts';
import { consulOf } from './consul-access.ts';
import { HttpServer } from './http-server.ts';
import { type Configured, processMetrics, withConfig } from './live-config.ts';
import { archives } from './loki.ts';
import { Registration } from './registration.ts';
import { onStop, randomText, runUntilStopped, Services, StartError, version, waitFor } from './runtime.ts';
import { consulWatch } from './server-watch.ts';
import { Certificates } from './tls/certificates.ts';
import { serverCredentials } from './tls/grpc-credentials.ts';

/** A master: REST and page, reports over gRPC, and, when elected, the leader's work. As many as wanted. */
export async function master(options: StartOptions): Promise<void> {
  await withConfig('master', options, serve);
}

async function serve({ config, live, logger, loki }: Configured): Promise<void> {
  const database = { ...databaseOf(config), archive: archives(config) };
  // It would write lines of its own between those of the log; what matters in them is thrown as well.
  if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE);
  const name = `${hostname()}-${config.http.port}-${randomText(5)}`;

  await runUntilStopped(logger, async signal => {
    const consul = consulOf(config);
    const registry = createRegistry('master', version);
    processMetrics({ live, loki }, registry);
    const certificates = new Certificates(config, logger);
    const tracing = await startTracing({ ...config.tracing, program: 'master', version, logger });
    const http = new HttpServer({ ...config.http, tls: certificates.http, logger });
    const store = await openPostgresStore({ ...database, logger });
    const closeStore = onStop(async () => {
      await store.close();
      await tracing.stop();
    });
    try {
      await http.start();
      await waitFor('the database', () => migrated(store, logger), {
        logger,
        signal,
        final: error => !isRetryable(error),
      });
      const coordinator = new ConsulCoordinator({ ...consul, tls: () => certificates.consul.current, logger });
      const aliveCheck = `cronmesh-master-${name}-alive`;
      const parts = assembleMaster({
        config,
        live,
        name,
        store,
        coordinator,
        serviceChecks: [aliveCheck],
        registry,
        tracing,
        logger,
      });
      const grpc = new GrpcServer({
        host: config.grpc.host,
        port: config.grpc.port,
        ingest: (batch, options) => parts.ingest.ingest(batch, options),
        logger,
        credentials: serverCredentials(certificates.grpc),
        identified: certificates.grpc.current.ca !== undefined,
      });
      await grpc.start().catch(() => {
        const { host, port } = config.grpc;
        throw new StartError(`grpc.port: cannot listen on ${host}:${port}; set CRONMESH_GRPC_PORT to a free port`);
      });
      http.measure(registry);
      http.use(parts.fetch);
      const streams = 'Streams of reports that workers have open to this master';
      observedGauge(registry, 'cronmesh_grpc_streams', streams, () => grpc.streams);
      const address = config.advertise.address ?? '';
      const local = `${http.scheme}://${config.advertise.address ?? http.localHost}:${http.port}`;
      const check = (id: string, name: string, path: string, timeout: Milliseconds): ServiceCheck => {
        return { kind: 'http', id, name, url: `${local}${path}`, interval: 1_000, timeout, deregisterAfter: 600_000 };
      };
      const registration = new Registration(
        coordinator,
        {
          service: masterService,
          id: `${masterService}-${name}`,
          address,
          port: http.port,
          meta: {
            http: String(http.port),
            grpc: String(grpc.port),
            version,
            ...(http.scheme === 'https' && { tls: 'true' }),
            ...(config.http.publicUrl !== undefined && { url: config.http.publicUrl }),
          },
          checks: [
            check(aliveCheck, 'the process answers', '/healthz', 10_000),
            check(`cronmesh-master-${name}-ready`, 'serves', '/readyz', 3_000),
          ],
        },
        logger,
      );
      const all = new Services(
        [
          closeStore,
          onStop(() => coordinator.close()),
          onStop(() => http.stop()),
          certificates,
          consulWatch(coordinator, { logger, registry }),
          // Before the leader's session, which needs its check, and until that has ended.
          registration,
          ...parts.services,
          onStop(() => grpc.stop()),
        ],
        logger,
      );
      await all.start();
      logger.info({ master: name, http: http.port, grpc: grpc.port }, 'ready');
      return all;
    } catch (error) {
      await http.stop();
      await closeStore.stop();
      throw error;
    }
  });
}

async function migrated(store: Store, logger: Logger): Promise<void> {
  await store.ping();
  await store.migrate();
  const newer = await store.newerMigrations();
  if (newer.length > 0) logger.warn({ newer }, 'the database is a newer Cronmesh’s: this one works with what it knows');
}

/** @throws ConfigError */
export function databaseOf(config: Config): Pick<PostgresOptions, 'url' | 'poolSize' | 'caFile'> {
  const { url, poolSize, caFile } = config.database;
  if (url !== undefined) return { url, poolSize, ...(caFile !== undefined && { caFile }) };
  throw new ConfigError('configuration: database.url is missing: set DATABASE_URL to postgresql://user@host/database');
}
