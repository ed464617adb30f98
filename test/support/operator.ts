import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConsulCoordinator } from '../../src/coordination/consul/consul.ts';
import { jobPath } from '../../src/coordination/keys.ts';
import { decode, type JobRecord } from '../../src/coordination/records.ts';
import { type Job, jobKey } from '../../src/domain/job/job.ts';
import { loadKubeConfig } from '../../src/main/kubernetes.ts';
import { silentLogger } from '../../src/observability/logger.ts';
import { KubernetesConnection } from '../../src/operator/kubernetes/connection.ts';
import { CronJobApi } from '../../src/operator/kubernetes/cronjobs.ts';
import { namespaceUid } from '../../src/operator/kubernetes/namespace.ts';
import type { CronJobResource } from '../../src/operator/resource.ts';
import { conditionOf } from '../../src/operator/status/conditions.ts';
import { openPostgresStore } from '../../src/store/prisma/index.ts';
import type { Store } from '../../src/store/store.ts';
import { type ConsulServer, consulSkip, startConsul } from './consul.ts';
import { kubectl, type TemporaryNamespace, temporaryNamespace } from './kubernetes.ts';
import { type PostgresServer, postgresSkip, startPostgres } from './postgres.ts';
import { eventually, freePort, Program } from './process.ts';

/** For node:test's `skip`, beside `kubernetesSkip()`. */
export const operatorSkip = (): string | false => consulSkip() || postgresSkip();

const definition = fileURLToPath(new URL('../../deploy/crds/cronjobs.cronmesh.io.yaml', import.meta.url));

/** Leaves a definition that the cluster has as it is: others may use it. */
function ensureDefinition(): void {
  const found = kubectl(['get', 'crd', 'cronjobs.cronmesh.io', '--ignore-not-found', '-o', 'name']);
  if (found.trim() === '') kubectl(['apply', '-f', definition]);
  kubectl(['wait', '--for=condition=Established', 'crd/cronjobs.cronmesh.io', '--timeout=30s']);
}

/** All that an operator needs of Kubernetes; cluster-wide where it watches all namespaces, but for its own one. */
const rights = [
  { apiGroups: ['cronmesh.io'], resources: ['cronjobs'], verbs: ['get', 'list', 'watch', 'patch'] },
  { apiGroups: ['cronmesh.io'], resources: ['cronjobs/status'], verbs: ['patch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  { apiGroups: [''], resources: ['namespaces'], verbs: ['get'] },
];

export interface OperatorSettings {
  readonly resyncSeconds?: number;
  readonly finalizerTimeoutSeconds?: number;
  readonly kubeconfig?: string;
}

/** Everything an operator needs, all real: a namespace in the cluster, a Consul and a PostgreSQL of its own. */
export class OperatorBed {
  readonly consul: ConsulServer;
  readonly postgres: PostgresServer;
  readonly store: Store;
  readonly coordinator: ConsulCoordinator;
  readonly connection: KubernetesConnection;
  readonly api: CronJobApi;
  readonly namespace: string;
  /** What the operator calls its cluster. */
  readonly cluster: string;
  readonly folder: string;
  readonly #temporary: TemporaryNamespace;
  readonly #programs: Program[] = [];

  private constructor(
    parts: Pick<OperatorBed, 'consul' | 'postgres' | 'store' | 'connection' | 'cluster' | 'folder'>,
    temporary: TemporaryNamespace,
  ) {
    this.consul = parts.consul;
    this.postgres = parts.postgres;
    this.store = parts.store;
    this.connection = parts.connection;
    this.cluster = parts.cluster;
    this.folder = parts.folder;
    this.coordinator = new ConsulCoordinator({ address: parts.consul.address, logger: silentLogger });
    this.api = new CronJobApi(parts.connection);
    this.namespace = temporary.name;
    this.#temporary = temporary;
  }

  static async open(): Promise<OperatorBed> {
    ensureDefinition();
    const [consul, postgres] = await Promise.all([startConsul(), startPostgres()]);
    const store = await openPostgresStore({ url: postgres.url });
    await store.migrate();
    const temporary = temporaryNamespace('operator');
    const connection = new KubernetesConnection(loadKubeConfig());
    const cluster = await namespaceUid(connection, temporary.name);
    const folder = mkdtempSync(join(tmpdir(), 'cronmesh-operator-'));
    return new OperatorBed({ consul, postgres, store, connection, cluster, folder }, temporary);
  }

  /** Ends the operators, and takes away what they would have. */
  async close(): Promise<void> {
    for (const program of this.#programs) await program.kill();
    const { items } = await this.api.list(this.namespace, AbortSignal.timeout(30_000));
    for (const one of items) await this.api.setFinalizers(one, []);
    this.#temporary.remove();
    await this.connection.close();
    await this.store.close();
    await this.coordinator.close();
    await this.consul.stop();
    await this.postgres.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** An operator as a process. Resolves once it has started; it may stand by. */
  async start(settings: OperatorSettings = {}): Promise<RunningOperator> {
    const port = await freePort();
    const { kubeconfig = process.env.KUBECONFIG ?? '', ...rest } = settings;
    const config = {
      http: { host: '127.0.0.1', port },
      consul: { address: this.consul.address },
      database: { url: this.postgres.url },
      operator: { namespaces: [this.namespace], namespace: this.namespace, ...rest },
    };
    const file = join(this.folder, `${port}.yaml`);
    writeFileSync(file, JSON.stringify(config));
    const program = this.run(['operator', '--config', file], { KUBECONFIG: kubeconfig });
    await eventually('the operator has started', () => {
      if (!program.running) throw new Error(program.output);
      return program.output.includes('"msg":"started"');
    });
    return new RunningOperator(program, port);
  }

  /**
   * The way into the cluster of a service account that may do no more than an operator needs, as in a pod: with a
   * token in a file. The name of a kubeconfig.
   */
  restrictedKubeconfig(): string {
    const { namespace } = this;
    const metadata = { name: 'operator', namespace };
    const subject = { kind: 'ServiceAccount', name: 'operator', namespace };
    const objects = [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules: rights },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'operator' },
        subjects: [subject],
      },
    ];
    kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
    const tokenFile = join(this.folder, 'token');
    writeFileSync(tokenFile, kubectl(['create', 'token', 'operator', '-n', namespace]).trim(), { mode: 0o600 });
    const config = JSON.parse(kubectl(['config', 'view', '--raw', '--flatten', '--minify', '-o', 'json']));
    config.users[0].user = { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } };
    const file = join(this.folder, 'restricted.kubeconfig');
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  }

  run(args: readonly string[], env: Record<string, string> = {}): Program {
    const program = new Program(args, { env, log: join(this.folder, 'programs.log'), cwd: this.folder });
    this.#programs.push(program);
    return program;
  }

  async create(name: string, spec: object, metadata: object = {}): Promise<CronJobResource> {
    return await this.#write('POST', '', {
      apiVersion: 'cronmesh.io/v1alpha1',
      kind: 'CronJob',
      metadata: { name, ...metadata },
      spec: specOf(spec),
    });
  }

  /** A merge patch. */
  async patch(name: string, body: object): Promise<CronJobResource> {
    return await this.#write('PATCH', `/${name}`, body);
  }

  async delete(name: string): Promise<void> {
    await this.#write('DELETE', `/${name}`);
  }

  async get(name: string): Promise<CronJobResource | undefined> {
    return await this.api.get({ namespace: this.namespace, name });
  }

  job(name: string): Promise<Job | undefined> {
    return this.store.getJob(this.namespace, name);
  }

  /** What workers see. */
  async published(name: string): Promise<JobRecord | undefined> {
    const entry = await this.coordinator.get(jobPath(jobKey({ namespace: this.namespace, name })), {
      consistent: true,
    });
    return entry === undefined ? undefined : decode<JobRecord>(entry);
  }

  /** The resource, once its Ready condition is so for its newest spec. */
  async ready(name: string, status: 'True' | 'False', reason?: string, timeout = 20_000): Promise<CronJobResource> {
    return await eventually(
      `${name} is Ready=${status} ${reason ?? ''}`,
      async () => {
        const resource = await this.get(name);
        const condition = conditionOf(resource?.status?.conditions, 'Ready');
        const told = resource?.status?.observedGeneration === resource?.metadata.generation;
        const so = condition?.status === status && (reason === undefined || condition.reason === reason);
        return resource !== undefined && told && so ? resource : undefined;
      },
      timeout,
    );
  }

  /** Events on a resource by reason, with their counts. */
  async events(name: string): Promise<readonly { reason: string; count: number; message: string; type: string }[]> {
    const { items } = await this.connection.request<{
      items: { reason: string; count: number; message: string; type: string; involvedObject: { name: string } }[];
    }>('GET', `/api/v1/namespaces/${this.namespace}/events`);
    return items.filter(event => event.involvedObject.name === name);
  }

  async #write(method: string, path: string, body?: unknown): Promise<CronJobResource> {
    return await this.connection.request(
      method,
      `/apis/cronmesh.io/v1alpha1/namespaces/${this.namespace}/cronjobs${path}`,
      { body, ...(method === 'PATCH' && { type: 'application/merge-patch+json' as const }) },
    );
  }
}

export class RunningOperator {
  readonly program: Program;
  readonly #base: string;

  constructor(program: Program, port: number) {
    this.program = program;
    this.#base = `http://127.0.0.1:${port}`;
  }

  async state(): Promise<{ ready: boolean; leading: boolean; reasons: readonly string[] }> {
    const response = await fetch(`${this.#base}/readyz`, { signal: AbortSignal.timeout(5_000) });
    return (await response.json()) as { ready: boolean; leading: boolean; reasons: readonly string[] };
  }

  async leads(): Promise<void> {
    await eventually('the operator leads', async () => {
      const { leading, ready } = await this.state();
      return leading && ready;
    });
  }

  async metrics(): Promise<string> {
    return await (await fetch(`${this.#base}/metrics`, { signal: AbortSignal.timeout(5_000) })).text();
  }
}

function specOf(spec: object): object {
  return { schedule: '0 3 * * *', executor: { shell: { command: 'date' } }, ...spec };
}
