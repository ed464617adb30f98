import { join } from 'node:path';
import type { StartOptions } from '../cli/program.ts';
import { MemoryCoordinator } from '../coordination/memory/memory.ts';
import { startTracing } from '../observability/opentelemetry.ts';
import { createRegistry } from '../observability/registry.ts';
import { openPgliteStore } from '../store/prisma/index.ts';
import { directTransport } from '../worker/reporting/direct-transport.ts';
import { assembleMaster } from './assemble-master.ts';
import { assembleWorker } from './assemble-worker.ts';
import { dataFolder } from './data-folder.ts';
import { HttpServer } from './http-server.ts';
import { type Configured, processMetrics, withConfig } from './live-config.ts';
import { archives } from './loki.ts';
import { onStop, runUntilStopped, Services, version } from './runtime.ts';
import { seed } from './seed.ts';
import { Certificates } from './tls/certificates.ts';
import { loadWorkerModules } from './worker-modules.ts';

/** The whole product in one process (and its supervisor): PGlite and the in-memory coordinator, on one port of loopback. */
export async function standalone(options: StartOptions): Promise<void> {
  await withConfig('standalone', options, configured => everything(configured, options.config));
}

async function everything({ config, live, logger, loki }: Configured, file: string | undefined): Promise<void> {
  await runUntilStopped(logger, async () => {
    const modules = await loadWorkerModules(config, file);
    const directory = dataFolder(config.data.directory);
    const certificates = new Certificates(config, logger);
    const http = new HttpServer({ ...config.http, tls: certificates.http, logger });
    const store = await openPgliteStore({ directory: join(directory, 'database'), archive: archives(config), logger });
    const tracing = await startTracing({ ...config.tracing, program: 'standalone', version, logger });
    const stack = [onStop(() => tracing.stop()), onStop(() => store.close())];
    try {
      await store.migrate();
      const coordinator = new MemoryCoordinator({
        persistence: { load: () => store.loadKeys(), save: changes => store.saveKeys(changes) },
      });
      await coordinator.open();
      const registry = createRegistry('standalone', version);
      processMetrics({ live, loki }, registry);
      const fresh = (await store.getEpoch()) === undefined;
      const master = assembleMaster({
        config,
        live,
        name: 'standalone',
        store,
        coordinator,
        registry,
        tracing,
        logger,
      });
      await http.start();
      if (fresh) await seed(master.jobs, `${http.scheme}://${http.localHost}:${http.port}`, logger);
      const { worker, services } = await assembleWorker({
        config,
        live,
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
      http.measure(registry);
      http.use(master.fetch);
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
