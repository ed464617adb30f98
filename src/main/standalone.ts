import { join } from 'node:path';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { loadConfig } from '../config/load.ts';
import { MemoryCoordinator } from '../coordination/memory/memory.ts';
import { createLogger } from '../observability/logger.ts';
import { startTracing } from '../observability/opentelemetry.ts';
import { openPgliteStore } from '../store/prisma/index.ts';
import { directTransport } from '../worker/reporting/direct-transport.ts';
import { assembleMaster } from './assemble-master.ts';
import { assembleWorker } from './assemble-worker.ts';
import { dataFolder } from './data-folder.ts';
import { HttpServer } from './http-server.ts';
import { onStop, runUntilStopped, Services, version } from './runtime.ts';
import { seed } from './seed.ts';
import { Certificates } from './tls/certificates.ts';
import { loadWorkerModules } from './worker-modules.ts';

/** The whole product in one process (and its supervisor): PGlite and the in-memory coordinator, on one port of loopback. */
export async function standalone(options: { config?: string }): Promise<void> {
  const config = loadConfig('standalone', { file: options.config, environment: process.env });
  const logger = createLogger({ level: config.log.level, role: 'standalone' });

  await runUntilStopped(logger, async () => {
    const modules = await loadWorkerModules(config, options.config);
    const directory = dataFolder(config.data.directory);
    const certificates = new Certificates(config, logger);
    const http = new HttpServer({ ...config.http, tls: certificates.http, logger });
    const store = await openPgliteStore({ directory: join(directory, 'database'), logger });
    const tracing = await startTracing({ ...config.tracing, program: 'standalone', version, logger });
    const stack = [onStop(() => tracing.stop()), onStop(() => store.close())];
    try {
      await store.migrate();
      const coordinator = new MemoryCoordinator({
        persistence: { load: () => store.loadKeys(), save: changes => store.saveKeys(changes) },
      });
      await coordinator.open();
      const registry = new Registry();
      collectDefaultMetrics({ register: registry });
      const fresh = (await store.getEpoch()) === undefined;
      const master = assembleMaster({ config, name: 'standalone', store, coordinator, registry, tracing, logger });
      await http.start();
      if (fresh) await seed(master.jobs, `${http.scheme}://${http.localHost}:${http.port}`, logger);
      const { worker, services } = await assembleWorker({
        config,
        modules,
        coordinator,
        transport: directTransport(batch => master.ingest.ingest(batch)),
        registry,
        tracing,
        logger,
        address: config.advertise.address ?? http.localHost,
        healthAddress: { host: http.localHost, port: http.port, secure: http.scheme === 'https' },
        masterUrl: config.http.publicUrl ?? `${http.scheme}://${http.localHost}:${http.port}`,
      });
      http.use(request => master.app.fetch(request));
      const all = new Services(
        [
          ...stack,
          onStop(() => coordinator.close()),
          onStop(() => http.stop()),
          certificates,
          ...master.services,
          ...services,
        ],
        logger,
      );
      await all.start();
      logger.info(
        { worker: worker.status().name, data: directory },
        `ready at ${http.scheme}://${http.localHost}:${http.port}`,
      );
      return all;
    } catch (error) {
      await http.stop();
      for (const service of stack) await service.stop();
      throw error;
    }
  });
}
