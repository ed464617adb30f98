import { type ExecutorKind, executorKinds, type Labels } from '../domain/job/spec.ts';
import type { WorkerTraits } from '../domain/policy/eligibility.ts';
import type { Instant } from '../domain/time.ts';
import type { ServiceInstance } from './coordinator.ts';

/** How workers stand in the catalog: the service's name, and what its metadata say. One place for who writes and who reads. */
export const workerService = 'cronmesh-worker';

/** What a worker says of itself. */
export interface WorkerMeta extends WorkerTraits {
  /** Its configured name; the instance's id is the worker's id, new with each process. */
  readonly name: string;
  /** Runs at once. */
  readonly capacity: number;
  readonly version: string;
  /** Names the key in Consul that holds the schemas of its modules: `moduleCatalogPath`. */
  readonly catalog?: string;
  /** When its process began; absent from an instance that does not say. */
  readonly startedAt?: Instant;
}

/** Consul takes metadata of at most 512 characters a value. */
const metaLength = 512;

/** Labels are `key=value` pairs. */
export function encodeWorkerMeta(meta: Omit<WorkerMeta, 'startedAt'>): Record<string, string> {
  return {
    name: meta.name,
    capacity: String(meta.capacity),
    version: meta.version,
    executors: meta.executors.join(','),
    ...(meta.kubernetes && { kubernetes: 'true' }),
    started: String(Math.round(performance.timeOrigin)),
    ...chunked(
      'labels',
      Object.entries(meta.labels).map(([key, value]) => `${key}=${value}`),
    ),
    ...(meta.modules?.length && chunked('modules', meta.modules)),
    ...(meta.customs?.length && chunked('customs', meta.customs)),
    ...(meta.catalog !== undefined && { catalog: meta.catalog }),
  };
}

/** How many metadata keys a list takes. */
export const metaKeys = (items: readonly string[]): number => Object.keys(chunked('x', items)).length;

/** `name` is `a,b,c`; what does not fit goes on in `name-1`, `name-2`, … */
function chunked(name: string, items: readonly string[]): Record<string, string> {
  const chunks: string[] = [''];
  for (const item of items) {
    const last = chunks.at(-1) ?? '';
    if (last === '') chunks[chunks.length - 1] = item;
    else if (last.length + 1 + item.length <= metaLength) chunks[chunks.length - 1] = `${last},${item}`;
    else chunks.push(item);
  }
  return Object.fromEntries(chunks.map((chunk, i) => [i === 0 ? name : `${name}-${i}`, chunk]));
}

function listed(meta: Readonly<Record<string, string>>, name: string): string[] {
  return Object.entries(meta)
    .filter(([key]) => key === name || (key.startsWith(`${name}-`) && /^\d+$/.test(key.slice(name.length + 1))))
    .flatMap(([, chunk]) => chunk.split(','))
    .filter(item => item !== '');
}

/** Reads what `encodeWorkerMeta` wrote; what is missing is empty, so that a foreign instance is eligible for nothing. */
export function decodeWorkerMeta(instance: Pick<ServiceInstance, 'id' | 'meta'>): WorkerMeta {
  const { meta } = instance;
  const labels: Record<string, string> = {};
  for (const pair of listed(meta, 'labels')) {
    const equals = pair.indexOf('=');
    if (equals > 0) labels[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  const [modules, customs] = [listed(meta, 'modules'), listed(meta, 'customs')];
  const capacity = Number(meta.capacity);
  const started = Number(meta.started);
  return {
    name: meta.name ?? instance.id,
    capacity: Number.isSafeInteger(capacity) && capacity > 0 ? capacity : 0,
    version: meta.version ?? '',
    executors: (meta.executors ?? '')
      .split(',')
      .filter((kind): kind is ExecutorKind => (executorKinds as readonly string[]).includes(kind)),
    kubernetes: meta.kubernetes === 'true',
    labels: labels satisfies Labels,
    modules,
    customs,
    ...(meta.catalog !== undefined && { catalog: meta.catalog }),
    ...(started > 0 && { startedAt: started }),
  };
}
