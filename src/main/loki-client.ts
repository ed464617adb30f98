import type { Config } from '../config/schema.ts';
import type { Service } from '../domain/lifecycle.ts';
import { OutputArchive } from '../master/archive/output-archive.ts';
import type { Logger } from '../observability/logger.ts';
import { LokiClient } from '../observability/loki/client.ts';
import { onStop } from './runtime.ts';
import { TlsFiles } from './tls/files.ts';

/** A client of the Loki that is set. @throws StartError when the CA can't be read */
export function lokiClient({ logs: { loki } }: Config, url: string, logger: Logger): LokiClient {
  const { caFile, output: _, ...access } = loki;
  if (caFile === undefined) return new LokiClient({ ...access, url });
  const files = new TlsFiles({ setting: 'logs.loki', paths: { caFile }, logger });
  void files.start();
  return new LokiClient({ ...access, url, ca: () => files.current.ca, onClose: () => files.stop() });
}

/** Where masters archive the output of runs; undefined where they do not. The service ends its connections. */
export function outputArchive(
  config: Config,
  logger: Logger,
): { readonly archive: OutputArchive | undefined; readonly service: Service } {
  const { url, output } = config.logs.loki;
  if (url === undefined || !output) return { archive: undefined, service: onStop(async () => {}) };
  const client = lokiClient(config, url, logger);
  return { archive: new OutputArchive(client), service: onStop(() => client.close()) };
}
