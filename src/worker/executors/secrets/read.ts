import { isUtf8 } from 'node:buffer';
import { pause } from '../../../coordination/pause.ts';
import { backoffDelay, defaultBackoff } from '../../../domain/backoff.ts';
import type { SecretRef } from '../../../domain/job/spec.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { KubernetesApi } from '../kubernetes/api/api.ts';
import { ApiError, isNotFound, oneLine } from '../kubernetes/api/errors.ts';
import type { DataObject } from '../kubernetes/api/objects.ts';

/** How long an API that is away is asked again. */
const retryFor: Milliseconds = 10_000;

/** A value that a run refers to cannot be had. The message names the reference, never a value. */
export class UnreadableReferenceError extends Error {
  override readonly name = 'UnreadableReferenceError';
}

interface Reference {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly name: string;
  readonly key: string;
  readonly optional: boolean;
}

export interface ReadOptions {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly signal: AbortSignal;
  /** Default 10 s. */
  readonly retryFor?: Milliseconds;
}

/**
 * The values of references, by the names that the run knows them by, as they are at this moment. What is optional and
 * missing is left out. Each object is read once.
 *
 * @throws UnreadableReferenceError when one is missing, may not be read, is no text, or the API stays away
 */
export async function readReferences(
  refs: readonly SecretRef[],
  options: ReadOptions,
): Promise<Readonly<Record<string, string>>> {
  const deadline = performance.now() + (options.retryFor ?? retryFor);
  const objects = new Map<string, Promise<DataObject | undefined>>();
  const wanted = refs.map(ref => {
    const reference = referenceOf(ref);
    const key = `${reference.kind}/${reference.name}`;
    const object = objects.get(key) ?? readObject(reference, options, deadline);
    objects.set(key, object);
    return { variable: ref.name, reference, object };
  });
  const values = await Promise.all(
    wanted.map(async ({ variable, reference, object }) => {
      const value = textOf(reference, await object, options.namespace);
      return value === undefined ? [] : [[variable, value] as const];
    }),
  );
  return Object.fromEntries(values.flat());
}

function referenceOf({ secretKeyRef, configMapKeyRef, name }: SecretRef): Reference {
  if (secretKeyRef) return { kind: 'Secret', ...secretKeyRef };
  if (configMapKeyRef) return { kind: 'ConfigMap', ...configMapKeyRef };
  throw new UnreadableReferenceError(`secretRefs: ${name} names neither secretKeyRef nor configMapKeyRef`);
}

/** Undefined when it does not exist. */
async function readObject(
  { kind, name }: Reference,
  { api, namespace, signal }: ReadOptions,
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
