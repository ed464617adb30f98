import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Agent, fetch, type Response } from 'undici';
import type { Milliseconds } from '../../domain/time.ts';
import { type LokiEntry, pushBody } from './entry.ts';

export interface LokiOptions {
  /** Such as `https://loki.example:3100`; what comes before `/loki/api/v1`. */
  readonly url: string;
  /** `X-Scope-OrgID`. Default: none, as for a Loki without tenants. */
  readonly tenant?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** A bearer token, in place of user and password. */
  readonly token?: string | undefined;
  /** The CA of an https server, as PEM; asked for at each request. Default: those of Node.js. */
  readonly ca?: () => Buffer | undefined;
  /** Ends what `ca` needs. */
  readonly onClose?: () => Promise<void>;
}

/** Loki did not take or give something. `retry`: the same request may do later. */
export class LokiError extends Error {
  override readonly name = 'LokiError';
  readonly retry: boolean;
  /** How long to wait before, where the server says so. */
  readonly after: Milliseconds | undefined;

  constructor(
    message: string,
    { retry, after }: { readonly retry: boolean; readonly after?: Milliseconds | undefined },
  ) {
    super(message);
    this.retry = retry;
    this.after = after;
  }
}

export interface FoundEntry {
  readonly at: bigint;
  readonly line: string;
  /** Labels and structured metadata together. */
  readonly labels: Readonly<Record<string, string>>;
}

const pushPatience: Milliseconds = 10_000;
const compress = promisify(gzip);

/** Loki's HTTP API, as far as it is needed. */
export class LokiClient {
  readonly #options: LokiOptions;
  #agent: Agent | undefined;
  #ca: Buffer | undefined;

  constructor(options: LokiOptions) {
    this.#options = options;
  }

  /** @throws LokiError; without `retry` where some of the entries were refused for good: the others were taken */
  async push(entries: readonly LokiEntry[], signal?: AbortSignal): Promise<void> {
    const body = await compress(pushBody(entries));
    const headers = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' };
    const response = await this.#request('push', { method: 'POST', headers, body }, pushPatience, signal);
    await response.body?.cancel();
  }

  /** Entries in [from, to), oldest first, at most `limit`. @throws LokiError */
  async query(
    query: string,
    range: { readonly from: bigint; readonly to: bigint; readonly limit: number; readonly patience: Milliseconds },
  ): Promise<readonly FoundEntry[]> {
    const { from, to, limit, patience } = range;
    const asked = { query, start: String(from), end: String(to), limit: String(limit), direction: 'forward' };
    const response = await this.#request(`query_range?${new URLSearchParams(asked)}`, {}, patience);
    const { data } = (await response.json()) as {
      data: { result: { stream: Record<string, string>; values: [string, string][] }[] };
    };
    return data.result
      .flatMap(({ stream, values }) => values.map(([at, line]) => ({ at: BigInt(at), line, labels: stream })))
      .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  }

  async close(): Promise<void> {
    await this.#agent?.destroy();
    this.#agent = undefined;
    await this.#options.onClose?.();
  }

  async #request(
    path: string,
    init: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: Buffer },
    patience: Milliseconds,
    signal?: AbortSignal,
  ): Promise<Response> {
    const limits = [AbortSignal.timeout(patience), ...(signal === undefined ? [] : [signal])];
    let response: Response;
    try {
      response = await fetch(`${this.#options.url}/loki/api/v1/${path}`, {
        ...init,
        headers: { ...this.#identity(), ...init.headers },
        dispatcher: this.#dispatcher(),
        signal: AbortSignal.any(limits),
        redirect: 'error',
      });
      if (response.ok) return response;
    } catch (error) {
      throw new LokiError(reasonOf(error, patience), { retry: true });
    }
    const text = (await response.text().catch(() => '')).trim().slice(0, 300);
    const after = Number(response.headers.get('retry-after') ?? Number.NaN) * 1_000;
    // 400: entries that it never takes (too old, too long). Whatever else is the server's state, or can be put right there.
    const retry = response.status !== 400;
    throw new LokiError(`status ${response.status}: ${text}`, { retry, ...(after > 0 && { after }) });
  }

  #identity(): Record<string, string> {
    const { tenant, username, password = '', token } = this.#options;
    return {
      ...(tenant !== undefined && { 'X-Scope-OrgID': tenant }),
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(username !== undefined && {
        Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
      }),
    };
  }

  /** Made anew with a renewed CA. */
  #dispatcher(): Agent {
    const ca = this.#options.ca?.();
    if (this.#agent === undefined || ca !== this.#ca) {
      this.#agent?.close().catch(() => {});
      this.#agent = new Agent({ connect: { timeout: 5_000, ...(ca !== undefined && { ca }) } });
      this.#ca = ca;
    }
    return this.#agent;
  }
}

function reasonOf(error: unknown, patience: Milliseconds): string {
  const { name, message, cause } = error as Error & { readonly cause?: Error & { readonly code?: string } };
  if (name === 'TimeoutError') return `no answer within ${patience / 1_000} s`;
  return cause?.code ?? cause?.message ?? message;
}
