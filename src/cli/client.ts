import type { FieldProblem } from '../domain/errors.ts';
import { ApiError, CliError } from './errors.ts';
import { type ServerEvent, serverEvents } from './events.ts';
import type { Page } from './views.ts';

type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

export interface RequestOptions {
  readonly query?: Query;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a string whose `content-type` is given, as it is. */
  readonly body?: unknown;
}

/** No answer of the API takes longer, but for a log that is followed. */
const requestTimeout = 30_000;

/** The REST API of one server. Every method throws ApiError for what the server refuses, CliError when it is not reached. */
export class Client {
  readonly #server: URL;
  readonly #headers: Readonly<Record<string, string>>;

  /**
   * @param server `http://host:port`; the scheme may be left out
   * @param token sent as a bearer token
   * @throws CliError
   */
  constructor(server: string, token?: string) {
    this.#headers = token === undefined || token === '' ? {} : { authorization: `Bearer ${token}` };
    const url = URL.parse(server.includes('://') ? server : `http://${server}`);
    if (!url || !/^https?:$/.test(url.protocol))
      throw new CliError(`--server ${server} is no http or https URL`, { status: 2 });
    this.#server = url;
  }

  async get<T>(path: string, query: Query = {}): Promise<T> {
    return (await this.send('GET', path, { query })).body as T;
  }

  async post<T>(path: string, body?: unknown): Promise<T> {
    return (await this.send('POST', path, body === undefined ? {} : { body })).body as T;
  }

  async send(method: string, path: string, options: RequestOptions = {}): Promise<{ status: number; body: unknown }> {
    const response = await this.#fetch(method, path, options, AbortSignal.timeout(requestTimeout));
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : parse(text, this.#server) };
  }

  /** As text, piece by piece. */
  async *text(path: string, query: Query = {}): AsyncGenerator<string> {
    const response = await this.#fetch('GET', path, { query });
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) yield decoder.decode(chunk, { stream: true });
  }

  /** Server-sent events; a generator that ends when the connection does. */
  async *events(path: string, query: Query, lastEventId?: string): AsyncGenerator<ServerEvent> {
    const headers = {
      accept: 'text/event-stream',
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    };
    const response = await this.#fetch('GET', path, { query, headers });
    if (response.body) yield* serverEvents(response.body);
  }

  /** The items of a list over all its pages, up to `limit`. */
  async list<T>(path: string, query: Query = {}, limit = Number.POSITIVE_INFINITY): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.get<Page<T>>(path, { ...query, cursor, limit: Math.min(500, limit - items.length) });
      items.push(...page.items);
      cursor = page.next;
    } while (cursor !== undefined && items.length < limit);
    return items;
  }

  async #fetch(method: string, path: string, options: RequestOptions, signal?: AbortSignal): Promise<Response> {
    const url = new URL(this.#server);
    url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`;
    for (const [name, value] of Object.entries(options.query ?? {})) {
      for (const one of [value].flat()) if (one !== undefined) url.searchParams.append(name, String(one));
    }
    const json = options.body === undefined ? {} : { 'content-type': 'application/json' };
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers: { ...this.#headers, ...json, ...options.headers },
        ...(options.body !== undefined && { body: textOf(options) }),
        ...(signal && { signal }),
      });
    } catch (error) {
      throw unreachable(this.#server, error);
    }
    if (!response.ok) throw await refusal(response, this.#server);
    return response;
  }
}

function textOf({ body, headers }: RequestOptions): string {
  return typeof body === 'string' && headers?.['content-type'] !== undefined ? body : JSON.stringify(body);
}

function parse(text: string, server: URL): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CliError(`${server.origin} answered something that is no JSON: is it a Cronmesh server?`);
  }
}

async function refusal(response: Response, server: URL): Promise<ApiError> {
  const text = await response.text();
  const isProblem = /problem\+json/.test(response.headers.get('content-type') ?? '');
  const problem = (isProblem ? parse(text, server) : {}) as {
    code?: string;
    detail?: string;
    errors?: FieldProblem[];
  };
  const detail = problem.detail ?? `${server.origin} answered ${response.status}: is it a Cronmesh server?`;
  return new ApiError(response.status, problem.code ?? 'Unknown', detail, problem.errors ?? []);
}

function unreachable(server: URL, error: unknown): CliError {
  const { cause, message, name } = error as Error & { cause?: NodeJS.ErrnoException };
  const why = name === 'TimeoutError' ? 'no answer in time' : cause?.code || cause?.message || message;
  return new CliError(
    `cannot reach ${server.origin} (${why}): start a server, or name one with --server or CRONMESH_SERVER`,
    { cause: error },
  );
}
