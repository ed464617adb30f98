import { collectDefaultMetrics, Registry } from 'prom-client';
import { loadConfig } from '../config/load.ts';
import { ConsulCoordinator } from '../coordination/consul/consul.ts';
import { registerConsulResolver } from '../discovery/consul-resolver.ts';
import { createLogger } from '../observability/logger.ts';
import { startTracing } from '../observability/opentelemetry.ts';
import { grpcTransport } from '../worker/reporting/grpc-transport.ts';
import { assembleWorker } from './assemble-worker.ts';
import { consulOf } from './consul-access.ts';
import { dataFolder } from './data-folder.ts';
import { healthPages } from './health-pages.ts';
import { HttpServer } from './http-server.ts';
import { onStop, runUntilStopped, Services, version, waitFor } from './runtime.ts';
import { Certificates } from './tls/certificates.ts';
import { channelCredentials } from './tls/grpc-credentials.ts';
import { loadWorkerModules } from './worker-modules.ts';

/** A worker: claims ticks, has them run by its supervisor, reports to the masters. As many as wanted. */
export async function worker(options: { config?: string }): Promise<void> {
  const config = loadConfig('worker', { file: options.config, environment: process.env });
  const logger = createLogger({ level: config.log.level, role: 'worker' });

  await runUntilStopped(logger, async signal => {
    dataFolder(config.data.directory);
    const modules = await loadWorkerModules(config, options.config);
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    const consul = consulOf(config);
    const certificates = new Certificates(config, logger);
    const tracing = await startTracing({ ...config.tracing, program: 'worker', version, logger });
    const http = new HttpServer({ ...config.http, tls: certificates.http, logger });
    await http.start();
    const coordinator = new ConsulCoordinator({ ...consul, tls: () => certificates.consul.current, logger });
    const base = [onStop(() => tracing.stop()), onStop(() => coordinator.close()), onStop(() => http.stop())];
    try {
      await waitFor(`Consul at ${consul.address}`, () => coordinator.get('cron/epoch'), { logger, signal });
      registerConsulResolver(coordinator);
      const { worker: core, services } = await assembleWorker({
        config,
        modules,
        coordinator,
        transport: grpcTransport({
          target: 'consul:///cronmesh-master',
          credentials: channelCredentials(certificates.grpc),
          // The catalog gives addresses, which certificates need not name.
          channelOptions: { 'grpc.ssl_target_name_override': config.grpc.tls.serverName },
          logger,
        }),
        registry,
        tracing,
        logger,
        address: config.advertise.address,
        healthAddress: {
          host: config.advertise.address ?? http.localHost,
          port: http.port,
          secure: http.scheme === 'https',
        },
        consul,
      });
      http.use(healthPages({ whose: 'a worker', status: () => core.status(), registry }));
      const all = new Services([...base, certificates, ...services], logger);
      await all.start();
      logger.info({ worker: core.status().id, http: http.port }, 'started');
      return all;
    } catch (error) {
      for (const service of base.reverse()) await service.stop();
      throw error;
    }
  });
}
