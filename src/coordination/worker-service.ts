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
  /** When its process began; absent from an instance that does not say. */
  readonly startedAt?: Instant;
}

/** Consul takes metadata of at most 512 characters a value. */
const metaLength = 512;

/** `labels` is `key=value,key=value`; what does not fit goes on in `labels-1`, `labels-2`, … */
export function encodeWorkerMeta(meta: Omit<WorkerMeta, 'startedAt'>): Record<string, string> {
  const chunks: string[] = [''];
  for (const [key, value] of Object.entries(meta.labels)) {
    const pair = `${key}=${value}`;
    const last = chunks.at(-1) ?? '';
    if (last === '') chunks[chunks.length - 1] = pair;
    else if (last.length + 1 + pair.length <= metaLength) chunks[chunks.length - 1] = `${last},${pair}`;
    else chunks.push(pair);
  }
  return {
    name: meta.name,
    capacity: String(meta.capacity),
    version: meta.version,
    executors: meta.executors.join(','),
    ...(meta.kubernetes && { kubernetes: 'true' }),
    started: String(Math.round(performance.timeOrigin)),
    ...Object.fromEntries(chunks.map((chunk, i) => [i === 0 ? 'labels' : `labels-${i}`, chunk])),
  };
}

/** Reads what `encodeWorkerMeta` wrote; what is missing is empty, so that a foreign instance is eligible for nothing. */
export function decodeWorkerMeta(instance: Pick<ServiceInstance, 'id' | 'meta'>): WorkerMeta {
  const { meta } = instance;
  const labels: Record<string, string> = {};
  for (const [key, chunk] of Object.entries(meta)) {
    if (!/^labels(-\d+)?$/.test(key)) continue;
    for (const pair of chunk.split(',')) {
      const equals = pair.indexOf('=');
      if (equals > 0) labels[pair.slice(0, equals)] = pair.slice(equals + 1);
    }
  }
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
    ...(started > 0 && { startedAt: started }),
  };
}
