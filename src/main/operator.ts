import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { StartOptions } from '../cli/program.ts';
import type { Config } from '../config/schema.ts';
import { ConsulCoordinator } from '../coordination/consul/consul.ts';
import { CronmeshError, isRetryable } from '../domain/errors.ts';
import { ClockGuard } from '../master/leader/clock.ts';
import { Changes } from '../master/services/changes.ts';
import { JobService } from '../master/services/jobs.ts';
import { Publisher } from '../master/services/publisher.ts';
import { WorkerDirectory } from '../master/services/workers.ts';
import type { Logger } from '../observability/logger.ts';
import { createRegistry } from '../observability/registry.ts';
import { KubernetesConnection } from '../operator/kubernetes/connection.ts';
import { CronJobApi } from '../operator/kubernetes/cronjobs.ts';
import { KubernetesError } from '../operator/kubernetes/error.ts';
import { namespaceUid, ownNamespace } from '../operator/kubernetes/namespace.ts';
import { Operator } from '../operator/operator.ts';
import { releaseFinalizers } from '../operator/release-finalizers.ts';
import { openPostgresStore } from '../store/prisma/index.ts';
import { consulOf } from './consul-access.ts';
import { healthPages } from './health-pages.ts';
import { HttpServer } from './http-server.ts';
import { loadKubeConfig } from './kubernetes.ts';
import { type Configured, processMetrics, withConfig } from './live-config.ts';
import { databaseOf } from './master.ts';
import { resourceJobs, resourceRuns } from './operator-jobs.ts';
import { onStop, randomText, runUntilStopped, Services, version, waitFor } from './runtime.ts';
import { databaseWatch } from './server-watch.ts';
import { Certificates } from './tls/certificates.ts';

/** How long the Kubernetes API is waited for by what runs once. */
const patience = 60_000;

/** The operator: makes jobs of CronJob resources, and tells their status. Several stand for election; one works. */
export async function operator(options: StartOptions): Promise<void> {
  await withConfig('operator', options, async configured => {
    if (options.releaseFinalizers) await release(configured.config, configured.logger);
    else await reconcile(configured);
  });
}

async function reconcile({ config, live, logger, loki }: Configured): Promise<void> {
  const database = databaseOf(config);
  const kubernetes = loadKubeConfig();
  const connection = new KubernetesConnection(kubernetes);
  const name = `${hostname()}-${config.http.port}-${randomText(5)}`;

  await runUntilStopped(logger, async signal => {
    const registry = createRegistry('operator', version);
    processMetrics({ live, loki }, registry);
    const certificates = new Certificates(config, logger);
    const http = new HttpServer({ ...config.http, tls: certificates.http, logger });
    const store = await openPostgresStore({ ...database, logger });
    const consul = consulOf(config);
    const coordinator = new ConsulCoordinator({ ...consul, tls: () => certificates.consul.current, logger });
    const base = [
      onStop(() => store.close()),
      onStop(() => coordinator.close()),
      onStop(() => connection.close()),
      onStop(() => http.stop()),
    ];
    try {
      await http.start();
      const waiting = { logger, signal };
      const own = config.operator.namespace ?? ownNamespace(kubernetes);
      const cluster = await waitFor(
        `the Kubernetes API at ${connection.server}`,
        () => namespaceUid(connection, own),
        waiting,
      );
      const migrated = async (): Promise<void> => {
        await store.ping();
        await store.migrate();
      };
      await waitFor('the database', migrated, { ...waiting, final: error => !isRetryable(error) });
      await waitFor(`Consul at ${consul.address}`, () => coordinator.get('cron/epoch'), waiting);

      const watch = databaseWatch(store, { logger, registry });
      const clock = new ClockGuard({ coordinator, logger, master: name });
      const publisher = new Publisher({ coordinator, store, logger });
      const workers = new WorkerDirectory({ coordinator, logger });
      const { clockOk } = clock;
      const jobs = new JobService({
        store,
        publishing: publisher,
        changes: new Changes(),
        logger,
        clock: Date.now,
        randomBytes,
        clockOk,
        rules: config.namespaces,
      });
      const core = new Operator({
        connection,
        coordinator,
        jobs: resourceJobs(jobs, store, workers),
        runs: resourceRuns(store),
        nextTerm: (role, who) => store.nextTerm(role, who),
        name,
        cluster,
        namespaces: config.operator.namespaces,
        resyncEvery: config.operator.resyncSeconds * 1_000,
        finalizerTimeout: config.operator.finalizerTimeoutSeconds * 1_000,
        logger,
        registry,
        clockOk,
      });
      const status = () => {
        const clockProblem = clockOk() ? [] : ["its clock is off from its peers'"];
        const reasons = [...watch.reasons, ...core.problems, ...clockProblem];
        return { ready: reasons.length === 0, leading: core.leading, reasons };
      };
      http.use(healthPages({ whose: 'an operator', status, registry }));
      const all = new Services([...base, certificates, watch, clock, publisher, workers, core], logger);
      await all.start();
      logger.info({ operator: name, cluster, http: http.port, namespaces: config.operator.namespaces }, 'started');
      return all;
    } catch (error) {
      for (const service of base.reverse()) await service.stop();
      throw error;
    }
  });
}

/** Takes the finalizers off, once: for a hook before the operator is uninstalled. Needs the Kubernetes API alone. */
async function release(config: Config, logger: Logger): Promise<void> {
  const connection = new KubernetesConnection(loadKubeConfig());
  const signal = AbortSignal.timeout(patience);
  try {
    const { namespaces } = config.operator;
    const api = new CronJobApi(connection);
    const attempt = () => releaseFinalizers({ api, namespaces, now: Date.now(), signal });
    const final = (error: unknown) => error instanceof KubernetesError && error.status !== undefined;
    const count = await waitFor(`the Kubernetes API at ${connection.server}`, attempt, { logger, signal, final }).catch(
      error => {
        throw new CronmeshError('Unavailable', `the finalizers were not released: ${(error as Error).message}`);
      },
    );
    logger.info({ count }, 'finalizers released');
    process.stdout.write(`released ${count} resources\n`);
  } finally {
    await connection.close();
  }
}
