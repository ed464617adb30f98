import type { StartRequest } from '../supervisor/protocol.ts';

/** What a run inherits of the worker's environment; nothing else, so that no secret of the worker reaches a job. */
const inherited = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'] as const;
/** What the supervisor itself needs beside it, for TLS of its HTTP requests and of Consul. */
const needed = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'] as const;
/** … and where the Kubernetes API is. */
const neededForKubernetes = ['KUBECONFIG', 'KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT'] as const;

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export type Environment = Readonly<Record<string, string | undefined>>;

function pick(from: Environment, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap(name => (from[name] === undefined ? [] : [[name, from[name]]])));
}

/**
 * The environment of a run's processes: a few variables of the worker, then the job's, then the values that it refers
 * to, then what was asked for with the run, then the run's. The run's come last since its processes are found again by
 * `CRONMESH_RUN` and `CRONMESH_ATTEMPT`.
 */
export function runEnvironment(
  request: Pick<StartRequest, 'run' | 'attempt' | 'env' | 'particulars' | 'secrets'>,
  job: Readonly<Record<string, string>>,
  worker: Environment,
): Record<string, string> {
  return {
    PATH: defaultPath,
    ...pick(worker, inherited),
    ...job,
    ...request.secrets,
    ...request.particulars?.env,
    ...request.env,
    CRONMESH_RUN: request.run,
    CRONMESH_ATTEMPT: String(request.attempt),
  };
}

/**
 * The environment of the supervisor process: never the worker's own settings and secrets, but for the variables that
 * `secretRefs` may name.
 */
export function supervisorEnvironment(
  worker: Environment,
  options: { readonly kubernetes: boolean; readonly secrets?: { readonly variables?: readonly string[] } },
): Record<string, string> {
  const { kubernetes, secrets: { variables = [] } = {} } = options;
  return pick(worker, [...inherited, ...needed, ...(kubernetes ? neededForKubernetes : []), ...variables]);
}
