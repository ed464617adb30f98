import type { EventEmitter } from 'node:events';
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import consul from 'consul';

/** What the npm package `consul` does, as far as it is used here: its own types leave out half of it. */

/** An answer with its decoded body: objects for JSON, strings for text. */
export interface Answer extends IncomingMessage {
  readonly body?: unknown;
}

/** Given to a call as `ctx`: emits `cancel` to abort it; with `includeResponse` the call resolves to `[answer, body]`. */
export interface CallContext extends EventEmitter {
  readonly includeResponse: true;
}

export interface Common {
  readonly ctx: CallContext;
  /** Of the whole request, in milliseconds. */
  readonly timeout: number;
}

export interface Read extends Common {
  readonly consistent?: boolean;
  readonly index?: string;
  readonly wait?: string;
}

export type Result<T> = Promise<[Answer, T]>;

/** A request on its way through the package's extensions. */
export interface Passing {
  readonly ctx?: CallContext;
  transport: { request(options: RequestOptions): ClientRequest };
}

export interface Api {
  readonly kv: {
    get(options: Read & { readonly key: string; readonly recurse?: boolean }): Result<unknown>;
    keys(options: Read & { readonly key: string; readonly separator?: string }): Result<unknown>;
  };
  readonly transaction: {
    create(operations: readonly unknown[], options: Read): Result<unknown>;
  };
  readonly session: {
    renew(options: Common & { readonly id: string }): Result<unknown>;
    destroy(options: Common & { readonly id: string }): Result<unknown>;
    info(options: Read & { readonly id: string }): Result<unknown>;
  };
  readonly agent: {
    readonly service: {
      register(options: Common & Readonly<Record<string, unknown>>): Result<unknown>;
      deregister(options: Common & { readonly id: string }): Result<unknown>;
    };
    readonly check: Record<
      'pass' | 'warn' | 'fail',
      (options: Common & { readonly id: string; readonly note: string }) => Result<unknown>
    >;
  };
  readonly health: {
    service(options: Read & { readonly service: string }): Result<unknown>;
  };
  /** The request facility below all of it. */
  _put(
    request: Common & {
      readonly name: string;
      readonly path: string;
      readonly query: Readonly<Record<string, string>>;
      readonly type: 'json';
      readonly body: unknown;
    },
  ): Promise<Answer>;
  _ext(event: 'onRequest', extension: (request: Passing, next: () => void) => void): void;
}

export interface ApiOptions {
  readonly baseUrl: string;
  readonly agent: Agent;
  readonly headers: Readonly<Record<string, string>>;
}

export function createApi(options: ApiOptions): Api {
  const Constructor = consul as unknown as new (options: ApiOptions) => Api;
  return new Constructor(options);
}
