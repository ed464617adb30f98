import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, fetch, ProxyAgent, type Response } from 'undici';
import type { Milliseconds } from '../../domain/time.ts';
import { KubernetesError, refusal } from './error.ts';
import { lines } from './lines.ts';

export type PatchType = 'application/merge-patch+json' | 'application/json-patch+json';

export interface RequestDetails {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  /** Of the body. Default `application/json`. */
  readonly type?: PatchType;
  readonly signal?: AbortSignal | undefined;
  /** Default 10 s. */
  readonly timeout?: Milliseconds;
}

/** Tokens in files are renewed each hour, certificates too: they are read again this often. */
const credentialsFor: Milliseconds = 30_000;
const defaultTimeout: Milliseconds = 10_000;

interface Credentials {
  readonly headers: Record<string, string>;
  readonly dispatcher: Dispatcher;
  readonly until: number;
}

/**
 * The Kubernetes API over connections that are kept. Where it is and who asks come from client-node's configuration;
 * the library's own calls make a new connection, with its TLS handshake, for each request, and cannot be ended in time.
 */
export class KubernetesConnection {
  readonly #config: KubeConfig;
  readonly #server: string;
  #credentials: Credentials | undefined;
  #dispatcher: { readonly material: string; readonly dispatcher: Dispatcher } | undefined;

  /** @throws Error where the configuration names no cluster */
  constructor(config: KubeConfig) {
    const server = config.getCurrentCluster()?.server;
    if (server === undefined) throw new Error('no Kubernetes cluster is configured');
    this.#config = config;
    this.#server = server.replace(/\/+$/, '');
  }

  /** Its URL, for people. */
  get server(): string {
    return this.#server;
  }

  /** @throws KubernetesError */
  async request<T>(method: string, path: string, details: RequestDetails = {}): Promise<T> {
    const limit = AbortSignal.timeout(details.timeout ?? defaultTimeout);
    const signal = details.signal === undefined ? limit : AbortSignal.any([details.signal, limit]);
    const response = await this.#send(method, path, details, signal);
    try {
      return (await response.json()) as T;
    } catch (error) {
      throw unreachable(method, path, error);
    }
  }

  /**
   * Reads a stream of JSON lines until its end; nothing for `silence` counts as a broken connection.
   *
   * @throws KubernetesError
   */
  async stream(
    path: string,
    details: RequestDetails & { readonly silence: Milliseconds },
    onLine: (line: unknown) => void,
  ): Promise<void> {
    const quiet = new AbortController();
    const wake = (): NodeJS.Timeout =>
      setTimeout(() => quiet.abort(new Error(`nothing came for ${details.silence / 1_000} s`)), details.silence);
    let timer = wake();
    const signal = details.signal === undefined ? quiet.signal : AbortSignal.any([details.signal, quiet.signal]);
    try {
      const response = await this.#send('GET', path, details, signal);
      for await (const line of lines(response.body)) {
        clearTimeout(timer);
        timer = wake();
        onLine(JSON.parse(line));
      }
    } catch (error) {
      throw error instanceof KubernetesError ? error : unreachable('GET', path, error);
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await this.#dispatcher?.dispatcher.destroy();
  }

  async #send(method: string, path: string, details: RequestDetails, signal: AbortSignal): Promise<Response> {
    const url = new URL(`${this.#server}${path}`);
    for (const [name, value] of Object.entries(details.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    let response: Response;
    try {
      const { headers, dispatcher } = await this.#identify();
      response = await fetch(url, {
        method,
        headers: {
          accept: 'application/json',
          'user-agent': 'cronmesh-operator',
          ...headers,
          ...(details.body !== undefined && { 'content-type': details.type ?? 'application/json' }),
        },
        ...(details.body !== undefined && { body: JSON.stringify(details.body) }),
        dispatcher,
        signal,
      });
    } catch (error) {
      throw unreachable(method, path, error);
    }
    if (!response.ok) throw await refusal(method, path, response);
    return response;
  }

  async #identify(): Promise<Credentials> {
    const now = Date.now();
    if (this.#credentials !== undefined && now < this.#credentials.until) return this.#credentials;
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const headers = Object.fromEntries(
      Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]),
    );
    if (typeof options.auth === 'string') {
      headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    }
    this.#credentials = { headers, dispatcher: this.#dispatcherFor(options), until: now + credentialsFor };
    return this.#credentials;
  }

  #dispatcherFor(options: RequestOptions): Dispatcher {
    const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
    const given = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
    const tls = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== null));
    const material = JSON.stringify(tls);
    if (this.#dispatcher?.material === material) return this.#dispatcher.dispatcher;
    const proxy = this.#config.getCurrentCluster()?.proxyUrl;
    const dispatcher =
      proxy === undefined ? new Agent({ connect: tls }) : new ProxyAgent({ uri: proxy, requestTls: tls });
    // What goes over the former one may end by itself.
    void this.#dispatcher?.dispatcher.close();
    this.#dispatcher = { material, dispatcher };
    return dispatcher;
  }
}

function unreachable(method: string, path: string, error: unknown): KubernetesError {
  const { message, cause } = error as Error;
  const reason = cause instanceof Error && cause.message !== '' ? cause.message : message;
  return new KubernetesError(`the Kubernetes API did not answer (${method} ${path}): ${reason}`, { cause: error });
}
