import type { Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import {
  type BlockingOptions,
  type CheckStatus,
  CoordinationError,
  type Coordinator,
  type Entry,
  type Indexed,
  type Operation,
  type ReadOptions,
  type ServiceInstance,
  type ServiceRegistration,
  type SessionId,
  type SessionOptions,
  type TransactionResult,
} from '../coordinator.ts';
import { checkLimits } from '../limits.ts';
import { decodeInstances, encodeRegistration } from './catalog.ts';
import { ConsulClient, type ConsulTls } from './client.ts';
import type { Answer, Api, Common, Read, Result } from './npm.ts';
import { decodeFailures, decodeResults, encodeOperations, isReadOnly, type RawEntry, toEntry } from './transaction.ts';

export interface ConsulOptions {
  /** The local agent: `http://127.0.0.1:8500`. */
  readonly address: string;
  readonly token?: string;
  readonly tls?: () => ConsulTls;
  /** Each call that failed, at debug. */
  readonly logger?: Logger;
  /** Of every call but blocking ones and renewals. Default 5 s. */
  readonly timeout?: Milliseconds;
}

/** Pools of connections: 40 together, of the 200 that Consul takes from one address. At most 20 reads block at once. */
const sockets = { commands: 16, blocking: 20, renewals: 4 } as const;
/** Well inside the fence of 13 s: a renewal without an answer is tried again before it. */
const renewalTimeout: Milliseconds = 3_000;

/**
 * Consul, through the local agent. Blocking reads and session renewals have connections of their own, so that neither
 * waits behind a burst of transactions.
 *
 * @example new ConsulCoordinator({ address: 'http://127.0.0.1:8500' })
 */
export class ConsulCoordinator implements Coordinator {
  readonly name = 'consul';
  readonly #commands: ConsulClient;
  readonly #blocking: ConsulClient;
  readonly #renewals: ConsulClient;
  readonly #timeout: Milliseconds;

  constructor(options: ConsulOptions) {
    const { address, token, tls, logger } = options;
    const client = { address, token, tls, logger };
    this.#commands = new ConsulClient(client, sockets.commands);
    this.#blocking = new ConsulClient(client, sockets.blocking);
    this.#renewals = new ConsulClient(client, sockets.renewals);
    this.#timeout = options.timeout ?? 5_000;
  }

  async get(key: string, options: ReadOptions = {}): Promise<Entry | undefined> {
    const [, body] = await this.#read(`read of ${key}`, options, (api, read) => api.kv.get({ ...read, key }));
    return one(body);
  }

  async list(prefix: string, options: ReadOptions = {}): Promise<readonly Entry[]> {
    const send = (api: Api, read: Read) => api.kv.get({ ...read, key: prefix, recurse: true });
    const [, body] = await this.#read(`list of ${prefix}`, options, send);
    return many(body);
  }

  async keys(prefix: string, options: ReadOptions & { readonly separator?: string } = {}): Promise<readonly string[]> {
    const separator = options.separator === undefined ? {} : { separator: options.separator };
    const [, body] = await orEmpty(
      this.#read(`keys of ${prefix}`, options, (api, read) => api.kv.keys({ ...read, key: prefix, ...separator })),
    );
    return names(body);
  }

  async transact(operations: readonly Operation[], signal?: AbortSignal): Promise<TransactionResult> {
    checkLimits(operations);
    // Without it, a transaction that only reads may be answered from the past.
    const consistent = isReadOnly(operations) ? { consistent: true } : {};
    try {
      const [, body] = await this.#command(
        'transaction',
        (api, common) => api.transaction.create(encodeOperations(operations), { ...common, ...consistent }),
        signal,
      );
      return decodeResults(operations, body);
    } catch (error) {
      const failed = statusOf(error) === 409 ? decodeFailures(bodyOf(error)) : undefined;
      if (failed === undefined) throw error;
      return failed;
    }
  }

  block(key: string, options: BlockingOptions): Promise<Indexed<Entry | undefined>> {
    return this.#block(`watch of ${key}`, options, one, (api, read) => api.kv.get({ ...read, key }));
  }

  blockList(prefix: string, options: BlockingOptions): Promise<Indexed<readonly Entry[]>> {
    const send = (api: Api, read: Read) => api.kv.get({ ...read, key: prefix, recurse: true });
    return this.#block(`watch of ${prefix}`, options, many, send);
  }

  blockKeys(
    prefix: string,
    options: BlockingOptions & { readonly separator?: string },
  ): Promise<Indexed<readonly string[]>> {
    const separator = options.separator === undefined ? {} : { separator: options.separator };
    const send = (api: Api, read: Read) => orEmpty(api.kv.keys({ ...read, key: prefix, ...separator }));
    return this.#block(`watch of the keys of ${prefix}`, options, names, send);
  }

  blockService(service: string, options: BlockingOptions): Promise<Indexed<readonly ServiceInstance[]>> {
    const send = (api: Api, read: Read) => api.health.service({ ...read, service });
    return this.#block(`watch of service ${service}`, options, decodeInstances, send);
  }

  async createSession(options: SessionOptions): Promise<SessionId> {
    // The package's own `session.create` drops the checks, so this goes through its request facility.
    const body = {
      Name: options.name,
      TTL: `${options.ttl}ms`,
      LockDelay: `${options.lockDelay}ms`,
      Behavior: 'release',
      NodeChecks: ['serfHealth'],
      ServiceChecks: options.serviceChecks.map(ID => ({ ID })),
    };
    try {
      const answer = await this.#command('creation of a session', (api, common) =>
        api._put({ ...common, name: 'session.create', path: '/session/create', query: {}, type: 'json', body }),
      );
      return (answer.body as { readonly ID: SessionId }).ID;
    } catch (error) {
      // These too come as a 500, but nothing was made.
      if (/critical state|Missing check|Invalid Session TTL/.test((error as Error).message)) {
        throw new CoordinationError((error as Error).message, 'refused', statusOf(error), error);
      }
      throw error;
    }
  }

  async renewSession(session: SessionId, signal?: AbortSignal): Promise<void> {
    const call = { what: 'renewal of the session', timeout: renewalTimeout, signal };
    await this.#renewals.call(call, (api, common) => api.session.renew({ ...common, id: session }));
  }

  async destroySession(session: SessionId): Promise<void> {
    await this.#command('end of the session', (api, common) => api.session.destroy({ ...common, id: session }));
  }

  async sessionExists(session: SessionId): Promise<boolean> {
    const consistent = { consistent: true };
    const [, body] = await this.#read('read of the session', consistent, (api, read) =>
      api.session.info({ ...read, id: session }),
    );
    return body !== undefined;
  }

  async register(registration: ServiceRegistration): Promise<void> {
    const service = encodeRegistration(registration);
    await this.#command(`registration of ${registration.id}`, (api, common) =>
      api.agent.service.register({ ...common, ...service }),
    );
  }

  async deregister(id: string): Promise<void> {
    try {
      await this.#command(`deregistration of ${id}`, (api, common) => api.agent.service.deregister({ ...common, id }));
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
    }
  }

  async setCheck(id: string, status: CheckStatus, note: string): Promise<void> {
    const verb = ({ passing: 'pass', warning: 'warn', critical: 'fail' } as const)[status];
    await this.#command(`update of check ${id}`, (api, common) => api.agent.check[verb]({ ...common, id, note }));
  }

  async close(): Promise<void> {
    for (const client of [this.#commands, this.#blocking, this.#renewals]) client.close();
  }

  #command<T>(what: string, send: (api: Api, common: Common) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#commands.call({ what, timeout: this.#timeout, signal }, send);
  }

  #read(what: string, options: ReadOptions, send: (api: Api, read: Read) => Result<unknown>): Result<unknown> {
    const consistent = options.consistent === true ? { consistent: true } : {};
    return this.#command(what, (api, common) => send(api, { ...common, ...consistent }), options.signal);
  }

  async #block<T>(
    what: string,
    options: BlockingOptions,
    decode: (body: unknown) => T,
    send: (api: Api, read: Read) => Result<unknown>,
  ): Promise<Indexed<T>> {
    // Consul adds up to a sixteenth of the wait, so that not all clients come back at once.
    const timeout = options.wait * (17 / 16) + this.#timeout;
    const [answer, body] = await this.#blocking.call({ what, timeout, signal: options.signal }, (api, common) =>
      send(api, { ...common, index: String(options.index), wait: `${options.wait}ms` }),
    );
    const index = Number(answer.headers['x-consul-index']);
    if (!(index > 0)) throw new CoordinationError(`${what}: the answer has no index`, 'refused');
    return { index, value: decode(body) };
  }
}

function one(body: unknown): Entry | undefined {
  const raw = body as RawEntry | undefined;
  return raw === undefined ? undefined : toEntry(raw, raw.Value ?? '');
}

function many(body: unknown): Entry[] {
  return ((body ?? []) as readonly RawEntry[]).map(raw => toEntry(raw, raw.Value ?? ''));
}

function names(body: unknown): string[] {
  return [...((body ?? []) as readonly string[])];
}

/** A prefix with nothing below it is a 404 to the package's `keys`, though not to its `get`. */
async function orEmpty(result: Result<unknown>): Result<unknown> {
  try {
    return await result;
  } catch (error) {
    const answer = answerOf(error);
    if (answer?.statusCode !== 404) throw error;
    return [answer, []];
  }
}

/** The answer behind an error of the package, or behind one made of it. */
function answerOf(error: unknown): Answer | undefined {
  const source = error instanceof CoordinationError ? error.cause : error;
  return (source as { readonly response?: Answer } | undefined)?.response;
}

function bodyOf(error: unknown): unknown {
  return answerOf(error)?.body ?? {};
}

function statusOf(error: unknown): number | undefined {
  return error instanceof CoordinationError ? error.status : undefined;
}
