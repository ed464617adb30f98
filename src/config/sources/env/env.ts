import { nearest } from '../../../domain/job/nearest.ts';
import { ConfigError } from '../../error.ts';
import type { Layer } from '../../layers.ts';
import type { Setting } from '../../settings.ts';
import { setPath, type Tree } from '../../tree.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names that other tools use for the same thing; the project's own name is stronger. */
const customary: Readonly<Record<string, string>> = {
  'database.url': 'DATABASE_URL',
  'consul.address': 'CONSUL_HTTP_ADDR',
  'consul.token': 'CONSUL_HTTP_TOKEN',
  'consul.tokenFile': 'CONSUL_HTTP_TOKEN_FILE',
  'consul.tls.caFile': 'CONSUL_CACERT',
  'consul.tls.certFile': 'CONSUL_CLIENT_CERT',
  'consul.tls.keyFile': 'CONSUL_CLIENT_KEY',
  'tracing.endpoint': 'OTEL_EXPORTER_OTLP_ENDPOINT',
};

/** @throws ConfigError for a variable that looks like a setting and is none */
export function environmentLayer(settings: readonly Setting[], environment: Environment): Layer {
  const tree: Tree = {};
  const origins = new Map<string, string>();
  for (const { path, environment: own } of settings) {
    const name = [own, customary[path]].find(one => one !== undefined && (environment[one] ?? '') !== '');
    if (name === undefined) continue;
    setPath(tree, path.split('.'), environment[name]);
    origins.set(path, name);
  }
  refuseUnknown(environment, settings);
  return { kind: 'environment', tree, origin: path => origins.get(path) ?? 'the environment', document: false };
}

/** CRONMESH_ variables with another meaning: what commands read, and a run's own environment. */
const others =
  /^CRONMESH_(SERVER|TOKEN|CACERT|NAMESPACE|JOB|TICK|RUN|ATTEMPT|FENCING_TOKEN|WORKER|SHARDS?)$|^CRONMESH_(.+_)?(SERVICE_(HOST|PORT(_.+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;

/**
 * Variables of the environment that begin with CRONMESH_ but are no setting: misspelt ones must not pass in silence.
 * What Kubernetes sets for each service (`CRONMESH_MASTER_SERVICE_HOST`, `CRONMESH_WORKER_PORT=tcp://…`) is let be, and
 * so is what is meant for jobs.
 */
function refuseUnknown(environment: Environment, settings: readonly Setting[]): void {
  const known = settings.map(setting => setting.environment);
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('CRONMESH_') || known.includes(name) || others.test(name)) continue;
    if (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value ?? '')) continue;
    const section = known.filter(one => one.split('_')[1] === name.split('_')[1]);
    const near = nearest(
      name.slice('CRONMESH_'.length),
      known.map(one => one.slice('CRONMESH_'.length)),
    );
    if (section.length === 0 && near === undefined) continue;
    const help =
      near === undefined ? `those of its section are ${section.join(', ')}` : `did you mean CRONMESH_${near}?`;
    throw new ConfigError(`configuration: ${name} is no setting; ${help}`);
  }
}
