import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { Authority, type Pair } from './certificates.ts';
import { Cluster } from './cluster.ts';
import { type ConsulProgram, type GuardedConsul, startGuardedConsul } from './consul-acl.ts';
import { startPostgres } from './postgres.ts';

const people = {
  root: { role: 'admin', namespaces: ['*'] },
  seller: { role: 'editor', namespaces: ['shop'] },
  reader: { role: 'viewer', namespaces: ['default'] },
} as const;
export type Person = keyof typeof people;

/** Everything on: Consul with ACLs and TLS, PostgreSQL by TLS alone, mTLS on gRPC, https and tokens on REST. */
export interface SecureCluster {
  readonly cluster: Cluster;
  readonly authority: Authority;
  readonly consul: GuardedConsul;
  readonly tokens: Readonly<Record<Person, string>>;
  /** All that nobody may ever see, by what it is. */
  readonly secrets: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export interface SecureClusterOptions {
  readonly masters: number;
  readonly workers: number;
  /** More of the environment, over what is there. */
  readonly masterEnv?: Record<string, string>;
  readonly workerEnv?: Record<string, string>;
}

export async function startSecureCluster(options: SecureClusterOptions): Promise<SecureCluster> {
  const { masters, workers, masterEnv, workerEnv } = options;
  const authority = new Authority();
  const marked = (what: string) => `marked-${what}-${randomBytes(8).toString('hex')}`;
  const password = marked('password');
  const ofJobs = marked('job-secret');
  const tokens = Object.fromEntries(Object.keys(people).map(name => [name, marked(`token-${name}`)])) as Record<
    Person,
    string
  >;
  const before = getCACertificates('default');
  // For the test's own requests.
  setDefaultCACertificates([...before, readFileSync(authority.caFile, 'utf8')]);
  const consul = await startGuardedConsul(authority);
  const tls = { ...authority.issue('database', { ip: ['127.0.0.1'] }), caFile: authority.caFile, password };
  const postgres = await startPostgres({ tls });
  const url = new URL(postgres.url);
  url.search = '';

  const common = (program: ConsulProgram, pair: Pair) => ({
    CONSUL_HTTP_ADDR: consul.secureAddress,
    CONSUL_CACERT: authority.caFile,
    CONSUL_HTTP_TOKEN: consul.tokens[program],
    CRONMESH_HTTP_TLS_CERT_FILE: pair.certFile,
    CRONMESH_HTTP_TLS_KEY_FILE: pair.keyFile,
    CRONMESH_GRPC_TLS_CERT_FILE: pair.certFile,
    CRONMESH_GRPC_TLS_KEY_FILE: pair.keyFile,
    CRONMESH_GRPC_TLS_CA_FILE: authority.caFile,
  });
  const cluster = await Cluster.start({
    masters,
    workers,
    consul,
    postgres,
    scheme: 'https',
    headers: { authorization: `Bearer ${tokens.root}` },
    masterEnv: {
      ...common('master', authority.master()),
      DATABASE_URL: url.href,
      CRONMESH_DATABASE_CA_FILE: authority.caFile,
      CRONMESH_AUTH_TOKENS: JSON.stringify(
        Object.entries(people).map(([name, { role, namespaces }]) => ({
          name,
          role,
          namespaces,
          sha256: createHash('sha256')
            .update(tokens[name as Person])
            .digest('hex'),
        })),
      ),
      ...masterEnv,
    },
    workerEnv: name => ({
      ...common('worker', authority.worker(name)),
      JOB_SECRET: ofJobs,
      CRONMESH_WORKER_SECRETS_ENVIRONMENT: 'JOB_SECRET',
      ...workerEnv,
    }),
  });
  return {
    cluster,
    authority,
    consul,
    tokens,
    secrets: { password, ofJobs, ...tokens, master: consul.tokens.master, worker: consul.tokens.worker },
    stop: async () => {
      await cluster.stop();
      authority.remove();
      setDefaultCACertificates(before);
    },
  };
}
