import { createLogger } from '../observability/logger.ts';
import { runSupervisor } from '../worker/supervisor/process.ts';

/** The supervisor's program. A worker forks it; nobody else has a use for it. */
process.title = 'cronmesh supervisor';

const logger = createLogger({ level: 'info', role: 'supervisor' });

if (process.send) {
  runSupervisor({
    logger,
    // Loaded at a worker's death only: each megabyte here makes every fork of a job dearer.
    connect: async consul => {
      const { ConsulCoordinator } = await import('../coordination/consul/consul.ts');
      const { TlsFiles } = await import('./tls/files.ts');
      const { tls: paths, ...where } = consul;
      const files = paths && new TlsFiles({ setting: 'consul.tls', paths, logger });
      return new ConsulCoordinator({ ...where, ...(files && { tls: () => files.current }), logger });
    },
  });
} else {
  logger.fatal('the supervisor is started by a worker, not by hand');
  process.exitCode = 2;
}
