import type { SecretRef } from '../../../domain/job/spec.ts';
import { UnreadableReferenceError } from './error.ts';
import { type KubernetesSource, readObjects } from './kubernetes.ts';
import { type LocalSources, readFile, readVariable } from './local.ts';

/** Where this worker may read values. */
export interface SecretSources extends LocalSources, Partial<KubernetesSource> {}

/** What a run's references came to. */
export interface Values {
  readonly values: Readonly<Record<string, string>>;
  /** Those of them that are to be hidden in its output: all but those of ConfigMaps, which are no secrets. */
  readonly hidden: readonly string[];
}

export interface ReadOptions {
  readonly namespace: string;
  readonly signal: AbortSignal;
}

/**
 * The values of references, by the names that the run knows them by, as they are at this moment. What is optional and
 * missing is left out.
 *
 * @throws UnreadableReferenceError when one is missing, may not be read, or is no text
 */
export async function readReferences(
  refs: readonly SecretRef[],
  sources: SecretSources,
  options: ReadOptions,
): Promise<Values> {
  const { api } = sources;
  const fromCluster = readObjects(api && { ...sources, api }, options);
  const read = await Promise.all(
    refs.map(async ref => ({ name: ref.name, hidden: !ref.configMapKeyRef, value: await resolve(ref) })),
  );
  const found = read.flatMap(one => (one.value === undefined ? [] : [{ ...one, value: one.value }]));
  return {
    values: Object.fromEntries(found.map(({ name, value }) => [name, value])),
    hidden: found.flatMap(({ hidden, value }) => (hidden ? [value] : [])),
  };

  async function resolve({ name, environment, file, ...rest }: SecretRef): Promise<string | undefined> {
    if (environment) return readVariable(environment, sources);
    if (file) return await readFile(file, sources);
    if (rest.secretKeyRef) return await fromCluster('Secret', rest.secretKeyRef);
    if (rest.configMapKeyRef) return await fromCluster('ConfigMap', rest.configMapKeyRef);
    throw new UnreadableReferenceError(`secretRefs: ${name} names no source that this worker knows`);
  }
}
