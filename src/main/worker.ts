import { collectDefaultMetrics, Registry } from 'prom-client';
import { loadConfig } from '../config/load.ts';
import { ConsulCoordinator } from '../coordination/consul/consul.ts';
import { registerConsulResolver } from '../discovery/consul-resolver.ts';
import { createLogger } from '../observability/logger.ts';
import { startTracing } from '../observability/opentelemetry.ts';
import { grpcTransport } from '../worker/reporting/grpc-transport.ts';
import { assembleWorker } from './assemble-worker.ts';
import { dataFolder } from './data-folder.ts';
import { healthPages } from './health-pages.ts';
import { HttpServer } from './http-server.ts';
import { consulOf } from './master.ts';
import { onStop, runUntilStopped, Services, version, waitFor } from './runtime.ts';
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
    const tracing = await startTracing({ ...config.tracing, program: 'worker', version, logger });
    const http = new HttpServer(config.http);
    await http.start();
    const consul = consulOf(config);
    const coordinator = new ConsulCoordinator({ ...consul, logger });
    const base = [onStop(() => tracing.stop()), onStop(() => coordinator.close()), onStop(() => http.stop())];
    try {
      await waitFor(`Consul at ${consul.address}`, () => coordinator.get('cron/epoch'), { logger, signal });
      registerConsulResolver(coordinator);
      const { worker: core, services } = await assembleWorker({
        config,
        modules,
        coordinator,
        transport: grpcTransport({ target: 'consul:///cronmesh-master', logger }),
        registry,
        tracing,
        logger,
        address: config.advertise.address,
        healthAddress: { host: config.advertise.address ?? http.localHost, port: http.port },
        consul,
      });
      const pages = { '/jobs': () => ({ jobs: core.jobs() }) };
      http.use(healthPages({ whose: 'a worker', status: () => core.status(), registry, pages }));
      const all = new Services([...base, ...services], logger);
      await all.start();
      logger.info({ worker: core.status().id, http: http.port }, 'started');
      return all;
    } catch (error) {
      for (const service of base.reverse()) await service.stop();
      throw error;
    }
  });
}
