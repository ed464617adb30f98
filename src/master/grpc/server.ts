import type { EventEmitter } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import type { Service } from '../../domain/lifecycle.ts';
import type { Clock, Milliseconds } from '../../domain/time.ts';
import { type ReportServiceServer, ReportServiceService } from '../../gen/cronmesh/v1/report.ts';
import type { Logger } from '../../observability/logger.ts';
import { Sparing } from '../../observability/sparing.ts';
import { Budget } from './budget.ts';
import { workerOf } from './identity.ts';
import { Refusals } from './refusals.ts';
import { type Ingest, ReportStream } from './report-stream.ts';

export interface GrpcServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Commits a batch; keeps the order of calls for each worker. See `ReportIngest`. */
  readonly ingest: Ingest;
  readonly logger: Logger;
  /** Default: plain text. */
  readonly credentials?: ServerCredentials;
  /** Clients have certificates: each reports as the worker that is in its own, and of its own runs. */
  readonly identified?: boolean;
  readonly clock?: Clock;
  /** A connection gets no new streams after this time (and a tenth of jitter), so that new masters get their share. Default 10 minutes. */
  readonly maxConnectionAge?: Milliseconds;
  /** Streams of reports at once: a worker has one, two while it renews it. Default 2,000. */
  readonly maxStreams?: number;
  /** Bytes of reports, of all streams together, that may be in memory before no more is read. Default 64 MiB. */
  readonly maxUncommittedBytes?: number;
  /** How long stop() waits for commits under way. Default 5 s. */
  readonly drain?: Milliseconds;
}

const serviceName = 'cronmesh.v1.ReportService';
/** Below `src` as below `dist`. */
const protoRoot = fileURLToPath(new URL('../../../proto', import.meta.url));
const maxMessageBytes = 4 * 1024 * 1024;
/** Workers renew their stream every 5 minutes or so: none is cut by its connection's age. */
const maxConnectionAgeGrace = 400_000;
const lastWords = 100;
/**
 * Calls of one connection at once: a worker needs its stream and its renewal, a monitor health and reflection. What is
 * beyond waits in its client.
 */
const maxCallsEach = 16;

/** The masters' gRPC port: ReportService, grpc.health.v1.Health and reflection. */
export class GrpcServer implements Service {
  readonly #options: GrpcServerOptions;
  readonly #server: Server;
  readonly #health = new HealthImplementation({ '': 'NOT_SERVING', [serviceName]: 'NOT_SERVING' });
  readonly #streams = new Set<ReportStream>();
  readonly #sparing = new Sparing();
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #port = 0;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    const { ingest, logger, clock = Date.now, maxConnectionAge = 600_000, maxStreams = 2_000 } = options;
    this.#server = new Server({
      'grpc.max_receive_message_length': maxMessageBytes,
      'grpc.max_send_message_length': maxMessageBytes,
      'grpc.max_connection_age_ms': maxConnectionAge,
      'grpc.max_connection_age_grace_ms': maxConnectionAgeGrace,
      'grpc.max_concurrent_streams': maxCallsEach,
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5_000,
    });
    const budget = new Budget(options.maxUncommittedBytes ?? 64 * 1024 * 1024);
    const dependencies = { ingest, logger, refusals: new Refusals(clock), budget, sparing: this.#sparing };
    const reports: ReportServiceServer = {
      report: call => {
        if (this.#streams.size >= maxStreams) {
          const details = `${maxStreams} workers report to this master, the most there may be: another master may have room`;
          logger.warn(
            { streams: maxStreams, peer: call.getPeer() },
            'a stream of reports was refused: there are too many',
          );
          call.emit('error', { code: status.RESOURCE_EXHAUSTED, details });
          return;
        }
        const sender = workerOf(call.getAuthContext().sslPeerCertificate);
        if (options.identified && sender === undefined) {
          this.#refuse(call);
          return;
        }
        const stream = new ReportStream(call, {
          ...dependencies,
          ...(options.identified && sender !== undefined && { sender }),
        });
        this.#streams.add(stream);
        call.on('close', () => this.#streams.delete(stream));
        if (this.#stopping) void stream.end();
      },
    };
    this.#server.addService(ReportServiceService, reports);
    this.#health.addToServer(this.#server);
    const definition = loadSync('cronmesh/v1/report.proto', { includeDirs: [protoRoot] });
    new ReflectionService(definition).addToServer(this.#server);
  }

  /** The port that it listens on; 0 before start. */
  get port(): number {
    return this.#port;
  }

  /** Streams of reports that are open now. */
  get streams(): number {
    return this.#streams.size;
  }

  /** @throws when the port is taken */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** What grpc.health.v1 tells: set it with the master's readiness. */
  setServing(serving: boolean): void {
    const status = serving && !this.#stopping ? 'SERVING' : 'NOT_SERVING';
    for (const name of ['', serviceName]) this.#health.setStatus(name, status);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #start(): Promise<void> {
    const { host, port } = this.#options;
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const bind = promisify(this.#server.bindAsync).bind(this.#server);
    this.#port = await bind(address, this.#options.credentials ?? ServerCredentials.createInsecure());
    this.#sayRefusedHandshakes();
    this.setServing(true);
  }

  #refuse(call: { getPeer(): string; emit(event: 'error', error: object): boolean }): void {
    const details = 'the certificate names no worker: it needs one URI such as spiffe://cluster.local/worker/<name>';
    this.#sparing.say('nobody', unsaid => this.#options.logger.warn({ peer: call.getPeer(), unsaid }, details));
    call.emit('error', { code: status.PERMISSION_DENIED, details });
  }

  /** grpc-js says nothing of a certificate that is missing, foreign or expired; the server below it does. */
  #sayRefusedHandshakes(): void {
    const { http2Servers } = this.#server as unknown as { http2Servers?: ReadonlyMap<EventEmitter, unknown> };
    for (const server of http2Servers?.keys() ?? []) {
      server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
        // Of a certificate that was looked at and refused, the error itself says only that the connection ended.
        const reason = String(socket.authorizationError ?? error.code ?? error.message);
        const peer = socket.remoteAddress;
        // A probe of the bare port.
        if (reason === 'ECONNRESET') return;
        this.#sparing.say(`${peer} ${reason}`, unsaid =>
          this.#options.logger.warn(
            { peer, reason, unsaid },
            'a client was refused at the gRPC port: no TLS, or no valid certificate',
          ),
        );
      });
    }
  }

  /** Streams end once what they brought is committed, and their workers go on at another master. */
  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {});
    for (const name of ['', serviceName]) this.#health.setStatus(name, 'NOT_SERVING');
    const closed = promisify(this.#server.tryShutdown).call(this.#server);
    await within(this.#options.drain ?? 5_000, Promise.all(Array.from(this.#streams, stream => stream.end())));
    // Others' streams (health watches, reflection) would hold it open: they get what is on the wire, and no more.
    await within(lastWords, closed);
    this.#server.forceShutdown();
  }
}

/** Resolves with the work, or after the time, whichever is first. */
async function within(time: Milliseconds, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, time);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
