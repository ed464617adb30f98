import { setTimeout as delay } from 'node:timers/promises';
import { type BackoffPolicy, backoffDelay } from '../../../domain/backoff.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { Source, SourceState } from '../../source.ts';
import { NacosConnection } from './connection.ts';
import { login } from './login.ts';
import type { Payload } from './payload.ts';

export interface NacosOptions {
  /** `host:port`; the next one is tried when one is away. */
  readonly addresses: readonly string[];
  readonly namespace: string;
  readonly group: string;
  readonly dataId: string;
  readonly user?: { readonly username: string; readonly password: string } | undefined;
}

/** Beside what is pushed, the document is compared at this pace: that the connection lives shows in it, too. */
const compareEvery: Milliseconds = 3_000;
const backoff: BackoffPolicy = { initial: 250, maximum: 3_000, factor: 2 };
/** Nacos' code for a document that is not there. */
const notFound = 300;

/** Settings in a document of Nacos 2 or 3, over gRPC: a change is pushed. */
export function nacosSource(options: NacosOptions): Source {
  const { namespace, group, dataId } = options;
  const where = namespace === 'public' ? group : `${namespace}/${group}`;
  return {
    kind: 'nacos',
    name: `Nacos ${where}/${dataId}`,
    follow: (onState, signal) => follow(options, onState, signal),
  };
}

async function follow(
  options: NacosOptions,
  onState: (state: SourceState) => void,
  signal: AbortSignal,
): Promise<void> {
  const { addresses } = options;
  let failures = 0;
  for (let turn = 0; !signal.aborted; turn++) {
    const address = addresses[turn % addresses.length] ?? '';
    try {
      await attend(options, address, signal, state => {
        failures = 0;
        onState(state);
      });
    } catch (error) {
      if (signal.aborted) return;
      // With several servers, one that is away is no news as long as another one answers.
      if (++failures % addresses.length === 0) onState({ is: 'away', reason: `${address}: ${reasonOf(error)}` });
    }
    await delay(backoffDelay(backoff, failures, Math.random()), undefined, { signal }).catch(() => {});
  }
}

/** fetch says only that it failed; why is in its cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

/** Follows the document on one connection. @throws Error when that is over */
async function attend(
  options: NacosOptions,
  address: string,
  signal: AbortSignal,
  onState: (state: SourceState) => void,
): Promise<void> {
  const { namespace, group, dataId, user } = options;
  const token = user === undefined ? undefined : await login(address, user, signal);
  // The default namespace has no name on the wire.
  const document = { dataId, group, tenant: namespace === 'public' ? '' : namespace };
  let pushed = Promise.withResolvers<void>();
  const onRequest = ({ type, body }: Payload) => {
    if (type === 'ConfigChangeNotifyRequest') {
      if (body.dataId === dataId && body.group === group) pushed.resolve();
      return { type: 'ConfigChangeNotifyResponse', body: {} };
    }
    return type === 'ClientDetectionRequest' ? { type: 'ClientDetectionResponse', body: {} } : undefined;
  };
  const connection = new NacosConnection({ address, namespace: document.tenant, token, onRequest });
  const stop = () => connection.close('the process stops');
  signal.addEventListener('abort', stop);
  let over: string | undefined;
  const closed = connection.closed.then(reason => {
    over = reason;
  });
  try {
    await connection.open();
    let md5: string | undefined;
    while (over === undefined) {
      pushed = Promise.withResolvers();
      if (md5 === undefined || (await changed(connection, document, md5))) {
        const read = await query(connection, document);
        // Listened for from the first look on: what changes in between is found by the comparison.
        if (md5 === undefined) await changed(connection, document, read.md5);
        md5 = read.md5;
        onState({ is: 'here', text: read.text });
      }
      await soonest([pushed.promise, closed], compareEvery);
    }
    throw new Error(over);
  } finally {
    signal.removeEventListener('abort', stop);
    connection.close('left');
  }
}

type Document = { readonly dataId: string; readonly group: string; readonly tenant: string };

/** Whether the document is another one than that with this sum; from now on changes are pushed. */
async function changed(connection: NacosConnection, document: Document, md5: string): Promise<boolean> {
  const configListenContexts = [{ ...document, md5 }];
  const answer = await connection.request('ConfigBatchListenRequest', { listen: true, configListenContexts });
  succeeded(answer);
  return Array.isArray(answer.changedConfigs) && answer.changedConfigs.length > 0;
}

async function query(connection: NacosConnection, document: Document): Promise<{ text?: string; md5: string }> {
  const answer = await connection.request('ConfigQueryRequest', { ...document, headers: { notify: 'false' } });
  if (answer.errorCode === notFound) return { md5: '' };
  succeeded(answer);
  return { text: String(answer.content ?? ''), md5: String(answer.md5 ?? '') };
}

/** @throws Error with what Nacos said */
function succeeded({ resultCode, errorCode, message }: Payload['body']): void {
  if (resultCode !== 200) throw new Error(`Nacos refused (${errorCode ?? resultCode}): ${message ?? 'without a word'}`);
}

async function soonest(events: readonly Promise<void>[], within: Milliseconds): Promise<void> {
  const done = new AbortController();
  const timer = delay(within, undefined, { signal: done.signal }).catch(() => {});
  await Promise.race([...events, timer]);
  done.abort();
}
