import type { Server } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { type AddressInfo, isIP } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { serve } from '@hono/node-server';
import type { Service } from '../domain/lifecycle.ts';
import type { Milliseconds } from '../domain/time.ts';
import { type Logger, silentLogger } from '../observability/logger.ts';
import { Sparing } from '../observability/sparing.ts';
import { StartError } from './runtime.ts';
import type { TlsFiles, TlsMaterial } from './tls/files.ts';

type Handler = (request: Request) => Response | Promise<Response>;

/** How long open requests (followed logs, live pages) may go on once the server stops. */
const stopGrace: Milliseconds = 1_000;

/**
 * The one HTTP server of a process. It listens before the rest is there, so that health checks are answered while the
 * program waits for its database: until `use` is called, `/healthz` is well and everything else is not ready.
 */
export class HttpServer implements Service {
  readonly #host: string;
  readonly #wantedPort: number;
  #handler: Handler = waiting;
  #server: Server | undefined;

  readonly #tls: TlsFiles | undefined;
  readonly #logger: Logger;
  readonly #sparing = new Sparing();
  #unfollow: (() => void) | undefined;

  /** `tls` without a certificate: plain text. */
  constructor(options: {
    readonly host: string;
    readonly port: number;
    readonly tls?: TlsFiles;
    readonly logger?: Logger;
  }) {
    this.#tls = options.tls?.current.cert === undefined ? undefined : options.tls;
    this.#logger = options.logger ?? silentLogger;
    this.#host = options.host;
    this.#wantedPort = options.port;
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

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const server = serve(
        {
          fetch: request => this.#handler(request),
          hostname: this.#host,
          port: this.#wantedPort,
          overrideGlobalObjects: false,
          ...(this.#tls && { createServer: createTlsServer, serverOptions: serverOptions(this.#tls.current) }),
        },
        () => resolve(),
      ) as Server;
      server.once('error', error => reject(refusal(error, this.#host, this.#wantedPort)));
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
      type: 'about:blank',
      title: 'Service Unavailable',
      status: 503,
      code: 'Unavailable',
      detail: 'starting: waiting for the servers that this process needs; its log says which',
    },
    { status: 503, headers: { 'content-type': 'application/problem+json', 'retry-after': '2' } },
  );
}
