import { formatInstant, type Instant } from '../domain/time.ts';
import type { CronJobApi } from './kubernetes/cronjobs.ts';
import { KubernetesError } from './kubernetes/error.ts';
import { type CronJobResource, hasFinalizer, otherFinalizers, releasedAnnotation } from './resource.ts';

const parallel = 4;
const tries = 5;

/**
 * Takes the operator's finalizer off every resource, so that they can be deleted without it; their jobs stay. Running
 * operators see the annotation that it leaves, and do not put the finalizer back. Needs neither database nor Consul.
 *
 * @returns how many resources had it
 * @throws KubernetesError
 */
export async function releaseFinalizers(options: {
  readonly api: Pick<CronJobApi, 'list' | 'get' | 'setFinalizers'>;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly now: Instant;
  readonly signal: AbortSignal;
}): Promise<number> {
  const { api, namespaces, signal, now } = options;
  let released = 0;
  for (const namespace of namespaces.length === 0 ? [undefined] : namespaces) {
    const held = (await existing(api, namespace, signal)).filter(hasFinalizer);
    const release = async (): Promise<void> => {
      for (let one = held.pop(); one !== undefined && !signal.aborted; one = held.pop()) {
        await releaseOne(api, one, now);
        released++;
      }
    };
    await Promise.all(Array.from({ length: parallel }, release));
  }
  return released;
}

async function releaseOne(
  api: Pick<CronJobApi, 'get' | 'setFinalizers'>,
  resource: CronJobResource,
  now: Instant,
): Promise<void> {
  let current: CronJobResource | undefined = resource;
  for (let left = tries; current !== undefined && hasFinalizer(current); left--) {
    try {
      await api.setFinalizers(current, otherFinalizers(current), { [releasedAnnotation]: formatInstant(now) });
      return;
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      if (error.notFound) return;
      if (!error.conflict || left <= 1) throw error;
      current = await api.get(current.metadata);
    }
  }
}

/** None where the definition of the resource is gone. */
async function existing(
  api: Pick<CronJobApi, 'list'>,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<readonly CronJobResource[]> {
  try {
    return (await api.list(namespace, signal)).items;
  } catch (error) {
    if (error instanceof KubernetesError && error.notFound) return [];
    throw error;
  }
}
