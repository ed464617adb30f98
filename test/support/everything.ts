import { readFileSync } from 'node:fs';
import { Loki } from './loki.ts';
import { type NacosServer, startNacos } from './nacos.ts';
import { OtlpReceiver } from './otlp.ts';
import { Prometheus } from './prometheus.ts';
import { ruleFolder, shortened } from './rules.ts';
import { type SecureCluster, startSecureCluster } from './secure-cluster.ts';

/** What Nacos says at the start. */
export const firstDocument = 'log: { level: info }\nworker: { capacity: 40 }';
/** Seconds between Prometheus' scrapes: less is more than five TLS targets on a small machine give. */
const scrapeEvery = 2;
/** Times in the rules are divided by it: 5 minutes are 15 seconds. */
const factor = 20;

/** Every server at once, each the real one, and two masters and three workers that use all of them. */
export interface Everything {
  readonly secure: SecureCluster;
  readonly prometheus: Prometheus;
  readonly loki: Loki;
  readonly nacos: NacosServer;
  readonly collector: OtlpReceiver;
  /** All that nobody may ever see, by what it is. */
  readonly secrets: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export async function startEverything(): Promise<Everything> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).reverse()) await one();
  };
  const kept = <T extends { stop(): Promise<void> }>(server: T): T => {
    stops.push(() => server.stop());
    return server;
  };
  try {
    const loki = kept(await Loki.start());
    const [lokiToken, password] = ['marked-loki-token-1', 'marked-nacos-password-1'];
    const nacos = kept(await startNacos({ password }));
    await nacos.publish('cronmesh', firstDocument);
    const collector = kept(await OtlpReceiver.start());
    const env = {
      CRONMESH_LOGS_LOKI_URL: loki.url,
      CRONMESH_LOGS_LOKI_TOKEN: lokiToken,
      CRONMESH_SOURCES_NACOS_ADDRESS: nacos.address,
      CRONMESH_SOURCES_NACOS_USERNAME: 'admin',
      CRONMESH_SOURCES_NACOS_PASSWORD: password,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '500',
    };
    const secure = kept(
      await startSecureCluster({
        masters: 2,
        workers: 3,
        masterEnv: { ...env, CRONMESH_AUTH_METRICS: 'true' },
        workerEnv: {
          ...env,
          CRONMESH_WORKER_ALLOW_PRIVATE_ADDRESSES: 'true',
          CRONMESH_WORKER_DRAIN_SECONDS: '5',
        },
      }),
    );
    const prometheus = kept(await scrapes(secure));
    return {
      secure,
      prometheus,
      loki,
      nacos,
      collector,
      secrets: { ...secure.secrets, loki: lokiToken, nacos: password },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Workers ask nobody for a token; masters do, and a viewer's is enough. */
async function scrapes({ cluster, authority: { caFile }, tokens }: SecureCluster): Promise<Prometheus> {
  const address = ({ http }: { readonly http: number }): string => `127.0.0.1:${http}`;
  return await Prometheus.start({
    targets: { 'cronmesh-master': cluster.masters.map(address), 'cronmesh-worker': cluster.workers.map(address) },
    https: { 'cronmesh-master': { caFile, token: tokens.reader }, 'cronmesh-worker': { caFile } },
    rules: [shortened(readFileSync(`${ruleFolder}/recording.yaml`, 'utf8'), factor)],
    every: scrapeEvery,
  });
}
