import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { serve } from '@hono/node-server';
import type { Service } from '../domain/lifecycle.ts';
import type { Milliseconds } from '../domain/time.ts';
import { StartError } from './runtime.ts';

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

  constructor(options: { readonly host: string; readonly port: number }) {
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
        },
        () => resolve(),
      ) as Server;
      server.once('error', error => reject(refusal(error, this.#host, this.#wantedPort)));
      this.#server = server;
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>(resolve => server.close(() => resolve()));
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), stopGrace);
    await closed;
    clearTimeout(timer);
  }
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
