import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Milliseconds } from '../../../../domain/time.ts';
import { type Connect, type Connection, loadConnection } from './connection.ts';
import { ApiError, answerError, networkError, oneLine } from './errors.ts';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface CallOptions {
  readonly query?: Query;
  readonly body?: object;
  /** Of the body. Default `application/json`. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** For the whole answer. Default 15 s. */
  readonly timeout?: Milliseconds;
}

export interface StreamOptions {
  readonly query?: Query;
  readonly signal: AbortSignal;
  /** Without a byte for this long the stream is taken for dead, and fails. */
  readonly silence: Milliseconds;
}

/** The Kubernetes API, in plain JSON. Its configuration is loaded with the first call. */
export class KubernetesApi {
  readonly #load: () => Promise<Connect>;
  #loading: Promise<Connect> | undefined;

  /** @param load where the cluster is; for tests */
  constructor(load: () => Promise<Connect> = () => loadConnection()) {
    this.#load = load;
  }

  /** Loads the configuration. @throws when there is none */
  async open(): Promise<void> {
    await this.#connect();
  }

  /** @throws ApiError when it was refused, or there was no answer */
  async call<T>(method: Dispatcher.HttpMethod, path: string, options: CallOptions = {}): Promise<T> {
    const { query, body, contentType = 'application/json', signal, timeout = 15_000 } = options;
    const limit = AbortSignal.timeout(Math.ceil(timeout));
    const answer = await this.#send({
      method,
      path: withQuery(path, query),
      headers: body === undefined ? {} : { 'content-type': contentType },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    try {
      return (await answer.body.json()) as T;
    } catch (error) {
      throw networkError(error);
    }
  }

  /** An answer without end, such as a watch or a log; it fails when the signal is aborted. @throws ApiError */
  async stream(path: string, options: StreamOptions): Promise<Readable> {
    const { query, signal, silence } = options;
    const answer = await this.#send({
      method: 'GET',
      path: withQuery(path, query),
      headers: {},
      signal,
      headersTimeout: 15_000,
      bodyTimeout: silence,
    });
    return answer.body;
  }

  async #send(
    options: Omit<Dispatcher.RequestOptions, 'origin' | 'headers'> & { readonly headers: Record<string, string> },
  ): Promise<Dispatcher.ResponseData> {
    const { server, headers, dispatcher } = await this.#connection();
    let answer: Dispatcher.ResponseData;
    let text: string;
    try {
      answer = await dispatcher.request({
        ...options,
        origin: server.origin,
        path: `${server.pathname.replace(/\/$/, '')}${options.path}`,
        headers: { accept: 'application/json', 'user-agent': 'cronmesh', ...headers, ...options.headers },
      });
      if (answer.statusCode < 300) return answer;
      text = await answer.body.text();
    } catch (error) {
      throw networkError(error);
    }
    const retryAfter = answer.headers['retry-after'];
    throw answerError(answer.statusCode, text, Array.isArray(retryAfter) ? retryAfter[0] : retryAfter);
  }

  async #connection(): Promise<Connection> {
    const connect = await this.#connect();
    try {
      return await connect();
    } catch (error) {
      // A token file or certificate that is just being replaced, an exec plugin that fails: nothing was sent.
      throw new ApiError(`no credentials for the Kubernetes API: ${oneLine(error)}`, { unclear: false });
    }
  }

  async #connect(): Promise<Connect> {
    this.#loading ??= this.#load();
    try {
      return await this.#loading;
    } catch (error) {
      this.#loading = undefined;
      throw new ApiError(`the Kubernetes API cannot be used: ${oneLine(error)}`, { status: 400, unclear: false });
    }
  }
}

function withQuery(path: string, query: Query = {}): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}
