import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { type AddressInfo, isIP } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { createAdaptorServer } from '@hono/node-server';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Config } from '../config/schema.ts';
import type { Service } from '../domain/lifecycle.ts';
import type { Milliseconds } from '../domain/time.ts';
import { type Logger, silentLogger } from '../observability/logger.ts';
import { Sparing } from '../observability/sparing.ts';
import { answerClientErrors } from './client-errors.ts';
import { Connections } from './connections.ts';
import { StartError } from './runtime.ts';
import type { TlsFiles, TlsMaterial } from './tls/files.ts';

type Handler = (request: Request, bindings: Bindings) => Response | Promise<Response>;

/** Node's own request and response. */
interface Bindings {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly limits: Pick<Config['http']['limits'], 'connections' | 'requestSeconds'>;
  /** Without a certificate: plain text. */
  readonly tls?: TlsFiles;
  readonly logger?: Logger;
}

/** How long open requests (followed logs, live pages) may go on once the server stops. */
const stopGrace: Milliseconds = 1_000;
/** From a connection's first byte, or its last answer, to the end of the next request's headers. */
const headersWithin: Milliseconds = 10_000;
/** Longer than the minute after which load balancers give idle connections up: who closes first must be the client. */
const keepAlive: Milliseconds = 65_000;
/** Nothing was sent or taken for so long: event streams say something each 15 s. */
const stalled: Milliseconds = 120_000;
/** Connections that the system holds while this process is busy; it takes as many as it is set to (somaxconn). */
const mostUnaccepted = 4_096;
const mostHeaderBytes = 16 * 1024;
const mostHeaders = 100;

/**
 * The one HTTP server of a process. It listens before the rest is there, so that health checks are answered while the
 * program waits for its database: until `use` is called, `/healthz` is well and everything else is not ready.
 */
export class HttpServer implements Service {
  readonly #host: string;
  readonly #wantedPort: number;
  readonly #limits: HttpServerOptions['limits'];
  #connections: Connections | undefined;
  #handler: Handler = waiting;
  #server: Server | undefined;

  readonly #tls: TlsFiles | undefined;
  readonly #logger: Logger;
  readonly #sparing = new Sparing();
  #unfollow: (() => void) | undefined;

  constructor(options: HttpServerOptions) {
    this.#tls = options.tls?.current.cert === undefined ? undefined : options.tls;
    this.#logger = options.logger ?? silentLogger;
    this.#host = options.host;
    this.#wantedPort = options.port;
    this.#limits = options.limits;
  }

  /** The port listened on; that of the options, or the one given by the system for 0. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | undefined)?.port ?? this.#wantedPort;
  }

  /** Where a process of the same machine reaches it. */
  get localHost(): string {
    if (this.#host === '0.0.0.0') return '127.0.0.1';
    if (this.#host === '::') return '[::1]';
    return isIP(this.#host) === 6 ? `[${this.#host}]` : this.#host;
  }

  get scheme(): 'http' | 'https' {
    return this.#tls === undefined ? 'http' : 'https';
  }

  use(handler: Handler): void {
    this.#handler = handler;
  }

  /** Shows its connections in a process's metrics. */
  measure(registry: Registry): void {
    const connections = (): Connections | undefined => this.#connections;
    new Gauge({
      name: 'cronmesh_http_connections',
      help: 'Open connections to the HTTP port',
      registers: [registry],
      collect() {
        this.set(connections()?.open ?? 0);
      },
    });
    new Counter({
      name: 'cronmesh_http_connections_dropped_total',
      help: 'Connections that were closed since there were too many',
      registers: [registry],
      collect() {
        this.reset();
        this.inc(connections()?.dropped ?? 0);
      },
    });
  }

  async start(): Promise<void> {
    const requestWithin: Milliseconds = this.#limits.requestSeconds * 1_000;
    await new Promise<void>((resolve, reject) => {
      const server = createAdaptorServer({
        fetch: (request, bindings) => this.#handler(request, bindings as Bindings),
        overrideGlobalObjects: false,
        ...(this.#tls && { createServer: createTlsServer }),
        serverOptions: {
          ...(this.#tls && serverOptions(this.#tls.current)),
          headersTimeout: Math.min(headersWithin, requestWithin),
          requestTimeout: requestWithin,
          keepAliveTimeout: keepAlive,
          connectionsCheckingInterval: 1_000,
          maxHeaderSize: mostHeaderBytes,
        },
      }) as Server;
      server.maxHeadersCount = mostHeaders;
      server.timeout = stalled;
      answerClientErrors(server);
      this.#connections = new Connections(server, this.#limits.connections);
      server.once('error', error => reject(refusal(error, this.#host, this.#wantedPort)));
      server.listen({ host: this.#host, port: this.#wantedPort, backlog: mostUnaccepted }, resolve);
      this.#server = server;
      this.#followCertificates(server);
    });
  }

  #followCertificates(server: Server): void {
    if (!(server instanceof TlsServer)) return;
    this.#unfollow = this.#tls?.onChange(material => server.setSecureContext(material));
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      const peer = socket.remoteAddress;
      const reason = String(socket.authorizationError ?? error.code ?? error.message);
      // A client that went away, or a probe of the bare port.
      if (reason === 'ECONNRESET') return;
      this.#sparing.say(`${peer} ${reason}`, unsaid =>
        this.#logger.warn(
          { peer, reason, unsaid },
          'a client was refused at the HTTP port: no TLS, or no valid certificate',
        ),
      );
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#unfollow?.();
    if (server === undefined) return;
    const closed = new Promise<void>(resolve => server.close(() => resolve()));
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), stopGrace);
    await closed;
    clearTimeout(timer);
  }
}

/** With a CA, every client needs a certificate of it. */
function serverOptions(material: TlsMaterial): TlsOptions {
  return { ...material, ...(material.ca && { requestCert: true, rejectUnauthorized: true }) };
}

function refusal(error: Error, host: string, port: number): StartError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EADDRINUSE') {
    return new StartError(
      `http.port: ${host}:${port} is in use by another process; set CRONMESH_HTTP_PORT to a free port`,
    );
  }
  if (code === 'EACCES') return new StartError(`http.port: this user may not listen on ${host}:${port}`);
  return new StartError(`http.host: cannot listen on ${host}:${port} (${code ?? error.message})`);
}

function waiting(request: Request): Response {
  const { pathname } = new URL(request.url);
  if (pathname === '/healthz') return Response.json({ status: 'ok' });
  return Response.json(
    {
      type: 'urn:cronmesh:problem:Unavailable',
      title: 'Not available now',
      status: 503,
      detail: 'starting: waiting for the servers that this process needs; its log says which',
      instance: `urn:cronmesh:request:${randomUUID()}`,
      code: 'Unavailable',
    },
    { status: 503, headers: { 'content-type': 'application/problem+json', 'retry-after': '2' } },
  );
}
