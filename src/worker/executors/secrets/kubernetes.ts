import { isUtf8 } from 'node:buffer';
import { pause } from '../../../coordination/pause.ts';
import { backoffDelay, defaultBackoff } from '../../../domain/backoff.ts';
import type { SecretRef } from '../../../domain/job/spec.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { KubernetesApi } from '../kubernetes/api/api.ts';
import { ApiError, isNotFound, oneLine } from '../kubernetes/api/errors.ts';
import type { DataObject } from '../kubernetes/api/objects.ts';
import { UnreadableReferenceError } from './error.ts';
import type { ReadOptions } from './read.ts';

const retryFor: Milliseconds = 10_000;

type Kind = 'Secret' | 'ConfigMap';
type KeyRef = NonNullable<SecretRef['secretKeyRef']>;
type Reference = KeyRef & { readonly kind: Kind };

export interface KubernetesSource {
  readonly api: KubernetesApi;
  /** How long an API that is away is asked again. Default 10 s. */
  readonly retryFor?: Milliseconds;
}

type Context = KubernetesSource & ReadOptions;

/**
 * Reads keys of Secrets and ConfigMaps in a namespace, each object once.
 *
 * @param source undefined where this worker may not use the Kubernetes API
 */
export function readObjects(source: KubernetesSource | undefined, options: ReadOptions) {
  const deadline = performance.now() + (source?.retryFor ?? retryFor);
  const objects = new Map<string, Promise<DataObject | undefined>>();
  return async (kind: Kind, key: KeyRef): Promise<string | undefined> => {
    if (!source)
      throw new UnreadableReferenceError('it has secretRefs, and this worker may not use the Kubernetes API');
    const reference = { kind, ...key };
    const name = `${kind}/${key.name}`;
    const object = objects.get(name) ?? readObject(reference, { ...source, ...options }, deadline);
    objects.set(name, object);
    return textOf(reference, await object, options.namespace);
  };
}

/** Undefined when it does not exist. */
async function readObject(
  { kind, name }: Reference,
  { api, namespace, signal }: Context,
  deadline: number,
): Promise<DataObject | undefined> {
  const path = `/api/v1/namespaces/${namespace}/${kind === 'Secret' ? 'secrets' : 'configmaps'}/${name}`;
  for (let attempt = 0; ; attempt++) {
    const left = Math.max(1, deadline - performance.now());
    try {
      return await api.call<DataObject>('GET', path, { signal, timeout: Math.min(left, 5_000) });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      const wait = backoffDelay(defaultBackoff, attempt, Math.random());
      const passing = error instanceof ApiError && error.passing && performance.now() + wait < deadline;
      if (!passing || signal.aborted) {
        throw new UnreadableReferenceError(
          `${kind} ${name} in namespace ${namespace} could not be read: ${oneLine(error)}`,
        );
      }
      await pause(wait, signal);
    }
  }
}

function textOf(
  { kind, name, key, optional }: Reference,
  object: DataObject | undefined,
  namespace: string,
): string | undefined {
  const bytes = object && bytesOf(kind, key, object);
  if (bytes === undefined) {
    if (optional) return undefined;
    const what = object ? `key ${key} of ${kind} ${name}` : `${kind} ${name} (for its key ${key})`;
    throw new UnreadableReferenceError(`${what} was not found in namespace ${namespace}`);
  }
  // Neither a process's environment nor a header can hold it, and the errors that they throw would show it.
  if (!isUtf8(bytes) || bytes.includes(0)) {
    throw new UnreadableReferenceError(
      `key ${key} of ${kind} ${name} in namespace ${namespace} is no text (UTF-8, without NUL)`,
    );
  }
  return bytes.toString('utf8');
}

function bytesOf(kind: Reference['kind'], key: string, { data = {}, binaryData = {} }: DataObject): Buffer | undefined {
  const plain = Object.hasOwn(data, key) ? data[key] : undefined;
  if (kind === 'Secret') return plain === undefined ? undefined : Buffer.from(plain, 'base64');
  if (plain !== undefined) return Buffer.from(plain, 'utf8');
  const binary = Object.hasOwn(binaryData, key) ? binaryData[key] : undefined;
  return binary === undefined ? undefined : Buffer.from(binary, 'base64');
}
