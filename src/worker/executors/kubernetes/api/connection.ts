import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Dispatcher } from 'undici';

/** How one call is made: where to, with which credentials, over which connections. */
export interface Connection {
  readonly server: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
}

/** Finds server and credentials anew for each call: tokens and certificates are rotated under us. */
export type Connect = () => Promise<Connection>;

/**
 * What the cluster's configuration says: `KUBECONFIG`, `~/.kube/config`, or the pod's service account. The library is
 * loaded here, when something first needs it (80 MB that a worker without Kubernetes never pays), and is used for
 * configuration and credentials (exec plugins and token files included). Not for the calls: it makes a new
 * connection for each of them.
 *
 * @param file a kubeconfig file, instead of all these
 * @throws when there is no configuration, or it cannot be read
 */
export async function loadConnection(file?: string): Promise<Connect> {
  const [{ KubeConfig }, undici] = await Promise.all([import('@kubernetes/client-node'), import('undici')]);
  const config = new KubeConfig();
  if (file === undefined) config.loadFromDefault();
  else config.loadFromFile(file);
  const cluster = config.getCurrentCluster();
  if (!cluster || (cluster.name === 'cluster' && cluster.server === 'http://localhost:8080')) {
    throw new Error('there is no Kubernetes configuration: no KUBECONFIG, no ~/.kube/config, no service account');
  }
  const { proxyUrl } = cluster;
  if (proxyUrl?.startsWith('socks'))
    throw new Error(`a SOCKS proxy (${proxyUrl}) to the Kubernetes API cannot be used`);
  const server = new URL(cluster.server);
  const agents = new Agents(tls =>
    proxyUrl === undefined
      ? new undici.Agent({ connect: tls, connectTimeout: 5_000 })
      : new undici.ProxyAgent({ uri: proxyUrl, requestTls: tls }),
  );
  return async () => {
    const options = await credentials(config);
    return { server, headers: headersOf(options), dispatcher: agents.of(tlsOf(options)) };
  };
}

async function credentials(config: KubeConfig): Promise<RequestOptions> {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  return options;
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers = Object.fromEntries(
    Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
  if (typeof options.auth === 'string') {
    headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return headers;
}

type Tls = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'rejectUnauthorized' | 'servername'>;
const tlsFields = ['ca', 'cert', 'key', 'pfx', 'passphrase', 'rejectUnauthorized', 'servername'] as const;

function tlsOf(options: RequestOptions): Tls {
  return Object.fromEntries(tlsFields.flatMap(name => (options[name] === undefined ? [] : [[name, options[name]]])));
}

/** One agent, so one pool of connections, for as long as the certificates stay the same. */
class Agents {
  readonly #create: (tls: Tls) => Dispatcher;
  #current: { readonly key: string; readonly agent: Dispatcher } | undefined;

  constructor(create: (tls: Tls) => Dispatcher) {
    this.#create = create;
  }

  of(tls: Tls): Dispatcher {
    const key = JSON.stringify(Object.values(tls).map(String));
    if (this.#current?.key === key) return this.#current.agent;
    // Waits for what is still going over it.
    void this.#current?.agent.close().catch(() => {});
    const agent = this.#create(tls);
    this.#current = { key, agent };
    return agent;
  }
}
