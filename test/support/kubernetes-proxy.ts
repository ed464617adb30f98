import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { load as parseYaml } from 'js-yaml';
import { temporaryDirectory } from './temporary-directory.ts';

/** A TCP proxy before the API server of KUBECONFIG, for what networks do. Closed after the test. */
export interface Proxy {
  /** A kubeconfig that goes through it. */
  readonly kubeconfig: string;
  /** Connections that go through it now. */
  readonly connections: number;
  /** What the server says does not arrive any more; what it is told still does. */
  mute(): void;
  /** Nobody can connect; what is connected is cut. */
  down(): void;
  /** Ordinary again. */
  up(): void;
  /** Cuts all connections. */
  cut(): void;
}

export async function startProxy(t: TestContext): Promise<Proxy> {
  const config = parseYaml(await readFile(process.env.KUBECONFIG ?? '', 'utf8')) as {
    clusters: { cluster: { server: string; 'tls-server-name'?: string } }[];
  };
  const [first] = config.clusters;
  if (!first) throw new Error('KUBECONFIG names no cluster');
  const target = new URL(first.cluster.server);
  const sockets = new Set<Socket>();
  let state: 'up' | 'mute' | 'down' = 'up';
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer(client => {
    if (state === 'down') {
      client.destroy();
      return;
    }
    const upstream = connect(Number(target.port || 443), target.hostname);
    sockets.add(client);
    const end = (): void => {
      sockets.delete(client);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
    client.pipe(upstream);
    upstream.on('data', data => {
      if (state !== 'mute') client.write(data);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    cut();
    server.close();
  });

  // A name that every API server's certificate has: the proxy's address may not be in it.
  first.cluster['tls-server-name'] ??= 'kubernetes.default.svc';
  first.cluster.server = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const kubeconfig = `${temporaryDirectory(t)}/kubeconfig`;
  await writeFile(kubeconfig, JSON.stringify(config));
  return {
    kubeconfig,
    get connections() {
      return sockets.size;
    },
    mute: () => {
      state = 'mute';
    },
    down: () => {
      state = 'down';
      cut();
    },
    up: () => {
      state = 'up';
    },
    cut,
  };
}
