import type { Config } from '../../config/schema.ts';
import type { Service } from '../../domain/lifecycle.ts';
import type { Logger } from '../../observability/logger.ts';
import { TlsFiles } from './files.ts';

/** All certificates of a process, by what they are for; renewed ones are taken while it runs. */
export class Certificates implements Service {
  readonly http: TlsFiles;
  readonly grpc: TlsFiles;
  readonly consul: TlsFiles;

  /** @throws StartError that names the setting and the file */
  constructor(config: Pick<Config, 'http' | 'grpc' | 'consul'>, logger: Logger) {
    this.http = new TlsFiles({ setting: 'http.tls', paths: config.http.tls, logger });
    this.grpc = new TlsFiles({ setting: 'grpc.tls', paths: config.grpc.tls, logger });
    this.consul = new TlsFiles({ setting: 'consul.tls', paths: config.consul.tls, logger });
  }

  async start(): Promise<void> {
    await Promise.all([this.http.start(), this.grpc.start(), this.consul.start()]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.http.stop(), this.grpc.stop(), this.consul.stop()]);
  }
}
