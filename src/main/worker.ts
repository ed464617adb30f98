import type { StartOptions } from '../cli/program.ts';
import { ConsulCoordinator } from '../coordination/consul/consul.ts';
import { registerConsulResolver } from '../discovery/consul-resolver.ts';
import { startTracing } from '../observability/opentelemetry.ts';
import { createRegistry } from '../observability/registry.ts';
import { grpcTransport } from '../worker/reporting/grpc-transport.ts';
import { assembleWorker } from './assemble-worker.ts';
import { consulOf } from './consul-access.ts';
import { dataFolder } from './data-folder.ts';
import { healthPages } from './health-pages.ts';
import { HttpServer } from './http-server.ts';
import { type Configured, processMetrics, withConfig } from './live-config.ts';
import { onStop, runUntilStopped, Services, version, waitFor } from './runtime.ts';
import { consulWatch } from './server-watch.ts';
import { Certificates } from './tls/certificates.ts';
import { channelCredentials } from './tls/grpc-credentials.ts';
import { loadWorkerModules } from './worker-modules.ts';

/** A worker: claims ticks, has them run by its supervisor, reports to the masters. As many as wanted. */
export async function worker(options: StartOptions): Promise<void> {
  await withConfig('worker', options, configured => work(configured, options.config));
}

async function work({ config, live, logger, loki }: Configured, file: string | undefined): Promise<void> {
  await runUntilStopped(logger, async signal => {
    dataFolder(config.data.directory);
    const modules = await loadWorkerModules(config, file);
    const registry = createRegistry('worker', version);
    processMetrics({ live, loki }, registry);
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
        live,
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
      http.measure(registry);
      const pages = { '/jobs': () => ({ jobs: core.jobs() }) };
      http.use(healthPages({ whose: 'a worker', status: () => core.status(), registry, pages }));
      const watch = consulWatch(coordinator, { logger, registry });
      const all = new Services([...base, certificates, watch, ...services], logger);
      await all.start();
      logger.info({ worker: core.status().id, http: http.port }, 'started');
      return all;
    } catch (error) {
      for (const service of base.reverse()) await service.stop();
      throw error;
    }
  });
}
