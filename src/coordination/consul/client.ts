import { EventEmitter } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import { CoordinationError } from '../coordinator.ts';
import { type Answer, type Api, type CallContext, type Common, createApi, type Passing } from './npm.ts';

export interface ClientOptions {
  /** `http://127.0.0.1:8500`; without a scheme, as CONSUL_HTTP_ADDR customarily is, it is http. */
  readonly address: string;
  readonly token: string | undefined;
  readonly logger: Logger | undefined;
  /** For an https address, as PEM; asked for at each connection. Default: the authorities that Node.js trusts. */
  readonly tls?: (() => ConsulTls) | undefined;
}

export interface ConsulTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

export interface CallOptions {
  /** For messages: `transaction`, `read of cron/epoch`. */
  readonly what: string;
  readonly timeout: Milliseconds;
  readonly signal?: AbortSignal | undefined;
}

/** Connects with the certificates of the moment: renewed ones need no restart. */
class TlsAgent extends https.Agent {
  readonly #tls: () => ConsulTls;

  constructor(options: https.AgentOptions, tls: () => ConsulTls = () => ({})) {
    super(options);
    this.#tls = tls;
  }

  override createConnection(...[options, callback]: Parameters<https.Agent['createConnection']>) {
    return super.createConnection({ ...options, ...this.#tls() }, callback);
  }
}

/** One request: the package's `ctx`, and whether the request can have reached Consul. */
class Call extends EventEmitter implements CallContext {
  readonly includeResponse = true;
  sent = false;
}

/** An HTTP error that the package raised for an answer. */
interface ResponseError extends Error {
  readonly response?: Answer;
}

/**
 * The npm package with one pool of kept-alive connections, a time-out for each call, abort by signal, and errors that
 * say whether the call may have been carried out.
 */
export class ConsulClient {
  readonly #api: Api;
  readonly #agent: http.Agent;
  readonly #logger: Logger | undefined;
  readonly #calls = new Set<Call>();
  #closed = false;

  /** `sockets`: most connections at once. Consul takes 200 for each client address, all processes there together. */
  constructor(options: ClientOptions, sockets: number) {
    const address = /^https?:/.test(options.address) ? options.address : `http://${options.address}`;
    const pool = { keepAlive: true, maxSockets: sockets };
    this.#agent = address.startsWith('https:') ? new TlsAgent(pool, options.tls) : new http.Agent(pool);
    this.#logger = options.logger;
    this.#api = createApi({
      baseUrl: `${address.replace(/\/+$/, '')}/v1`,
      agent: this.#agent,
      headers: options.token === undefined ? {} : { 'x-consul-token': options.token },
    });
    this.#api._ext('onRequest', (request, next) => {
      observe(request);
      next();
    });
  }

  /** @throws CoordinationError, or the signal's reason */
  async call<T>(options: CallOptions, send: (api: Api, common: Common) => Promise<T>): Promise<T> {
    const { what, timeout, signal } = options;
    if (this.#closed) throw new CoordinationError(`${what}: the coordinator is closed`, 'refused');
    signal?.throwIfAborted();
    const ctx = new Call();
    const abort = () => ctx.emit('cancel');
    signal?.addEventListener('abort', abort, { once: true });
    this.#calls.add(ctx);
    try {
      return await send(this.#api, { ctx, timeout });
    } catch (error) {
      signal?.throwIfAborted();
      const mapped = toCoordinationError(error, what, ctx.sent);
      this.#logger?.debug({ what, effect: mapped.effect, status: mapped.status }, mapped.message);
      throw mapped;
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#calls.delete(ctx);
    }
  }

  close(): void {
    this.#closed = true;
    for (const call of [...this.#calls]) call.emit('cancel');
    this.#agent.destroy();
  }
}

/**
 * Watches the request itself, for two things that the package does not: whether a connection was there to send it on,
 * and an answer that is cut off in the middle, which the package would wait for until its time-out.
 */
function observe(passing: Passing): void {
  const { ctx, transport } = passing;
  passing.transport = {
    request(options) {
      const request = transport.request(options);
      const sent = () => {
        if (ctx instanceof Call) ctx.sent = true;
      };
      request.once('socket', socket => {
        if (socket.connecting) socket.once(options.protocol === 'https:' ? 'secureConnect' : 'connect', sent);
        else sent();
      });
      request.once('response', response => response.once('error', error => request.emit('error', error)));
      return request;
    },
  };
}

/** Client errors were refused; a 500, a time-out or a cut connection may have been carried out, if the request was sent. */
function toCoordinationError(error: unknown, what: string, sent: boolean): CoordinationError {
  const { response, message } = error as ResponseError;
  const status = response?.statusCode;
  if (status !== undefined && status >= 400) {
    const said = typeof response?.body === 'string' ? response.body.slice(0, 300) : message;
    return new CoordinationError(`${what}: ${status} ${said}`, status < 500 ? 'refused' : 'unknown', status, error);
  }
  return new CoordinationError(`${what}: ${message}`, sent ? 'unknown' : 'refused', undefined, error);
}
