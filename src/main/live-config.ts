import { Counter, Gauge, type Registry } from 'prom-client';
import type { ConfigReport } from '../cli/commands/config.ts';
import type { StartOptions } from '../cli/program.ts';
import { Copies } from '../config/copies.ts';
import { type ConfigLog, LiveConfig } from '../config/live.ts';
import { givenLayers, loadConfig } from '../config/load.ts';
import type { Config, Role } from '../config/schema.ts';
import type { Source } from '../config/source.ts';
import { consulSource, type FollowKey } from '../config/sources/consul/consul.ts';
import { ConsulCoordinator } from '../coordination/consul/consul.ts';
import { watchKey } from '../coordination/watch.ts';
import type { Milliseconds } from '../domain/time.ts';
import { createLogger, type Logger, setLogLevel, silentLogger } from '../observability/logger.ts';
import type { LokiShipper } from '../observability/loki/shipper.ts';
import { consulOf } from './consul-access.ts';
import { lokiMetrics, shipLogs } from './loki.ts';
import { TlsFiles } from './tls/files.ts';

export interface Configured {
  /** As it was at the start. */
  readonly config: Config;
  readonly live: LiveConfig;
  /** Follows `log.level`. */
  readonly logger: Logger;
  /** Takes the logger's lines to Loki, where one is set. */
  readonly loki: LokiShipper | undefined;
}

/**
 * Runs a program with its configuration, from whatever file, environment, flags and servers say; the servers are
 * followed until it ends.
 *
 * @throws ConfigError
 */
export async function withConfig(
  role: Role,
  options: StartOptions,
  run: (configured: Configured) => Promise<void>,
  program: string = role,
): Promise<void> {
  const { level } = loadConfig(role, given(options)).log;
  const logger = createLogger({ level, role: program });
  const live = await liveConfig(role, options, { logger: logger.child({ component: 'config' }) });
  let loki: LokiShipper | undefined;
  try {
    await live.start();
    loki = await shipLogs(live.config, program, logger);
    live.subscribe(['log.level'], now => setLogLevel(logger, now.log.level));
    setLogLevel(logger, live.config.log.level);
    await run({ config: live.config, live, logger, loki });
  } finally {
    await live.stop();
    await loki?.stop();
  }
}

/** How long `config print` waits for a server. */
const printPatience = 5_000;

/** The configuration that a program would start with, for `cronmesh config print`. @throws ConfigError */
export async function readConfig(
  role: Role,
  options: StartOptions,
  use: (report: ConfigReport) => void,
): Promise<void> {
  // What would be logged is in the report, and somebody who only looks leaves no copies behind.
  const live = await liveConfig(role, options, { logger: silentLogger, patience: printPatience, keep: false });
  try {
    await live.start();
    use({ settings: live.describe(), sources: live.sources() });
  } finally {
    await live.stop();
  }
}

/** The configuration of a program, not started. @throws ConfigError */
export async function liveConfig(
  role: Role,
  options: StartOptions,
  how: { readonly logger: ConfigLog; readonly patience?: Milliseconds; readonly keep?: boolean },
): Promise<LiveConfig> {
  const layers = givenLayers(role, given(options));
  const config = loadConfig(role, given(options));
  const { logger, patience, keep = true } = how;
  const copies = new Copies(config.data.directory);
  return new LiveConfig({
    role,
    given: layers,
    sources: await sourcesOf(config),
    copies: keep ? copies : { load: source => copies.load(source), save: () => {} },
    logger,
    ...(patience !== undefined && { patience }),
  });
}

const given = ({ config, set }: StartOptions) => ({ file: config, environment: process.env, flags: set });

/** The servers that hold settings, as the rest of the configuration names them. What speaks to Nacos is loaded only for it. */
async function sourcesOf(config: Config): Promise<readonly Source[]> {
  const { consul, nacos } = config.sources;
  const sources: Source[] = [];
  if (consul.key !== undefined) sources.push(consulSource(consul.key, followKey(config)));
  if (nacos.address.length > 0) {
    const { nacosSource } = await import('../config/sources/nacos/nacos.ts');
    const { address, username, password, ...document } = nacos;
    const user = username === undefined ? undefined : { username, password: password ?? '' };
    sources.push(nacosSource({ ...document, addresses: address, user }));
  }
  return sources;
}

/** With connections of its own, that end with it. */
function followKey(config: Config): FollowKey {
  return async (key, options) => {
    const tls = new TlsFiles({ setting: 'consul.tls', paths: config.consul.tls, logger: silentLogger });
    const coordinator = new ConsulCoordinator({ ...consulOf(config), tls: () => tls.current });
    await tls.start();
    await watchKey(coordinator, key, options);
    await coordinator.close();
    await tls.stop();
  };
}

/** What becomes of the documents of sources, and of the log's lines. */
export function processMetrics({ live, loki }: Pick<Configured, 'live' | 'loki'>, registry: Registry): void {
  const registers = [registry];
  lokiMetrics(loki, registry);
  new Counter({
    name: 'cronmesh_config_reloads_total',
    help: 'Documents of configuration sources by what became of them: accepted, refused, removed at the source.',
    labelNames: ['source', 'result'],
    registers,
    collect() {
      this.reset();
      for (const { kind } of live.sources()) {
        for (const result of ['accepted', 'refused', 'removed'] as const) {
          this.inc({ source: kind, result }, live.count(kind, result));
        }
      }
    },
  });
  new Gauge({
    name: 'cronmesh_config_source_up',
    help: '1 while a configuration source answers.',
    labelNames: ['source'],
    registers,
    collect() {
      for (const { kind, status } of live.sources()) {
        this.set({ source: kind }, status === 'here' || status === 'empty' ? 1 : 0);
      }
    },
  });
  new Gauge({
    name: 'cronmesh_config_restart_pending',
    help: 'Settings whose newest value waits for a restart of this process.',
    registers,
    collect() {
      this.set(live.pending.length);
    },
  });
}
