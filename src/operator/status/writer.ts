import { isDeepStrictEqual } from 'node:util';
import type { JobKey } from '../../domain/job/job.ts';
import type { Clock, Instant, Milliseconds } from '../../domain/time.ts';
import type { CronJobApi } from '../kubernetes/cronjobs.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import { type CronJobResource, resourceKey } from '../resource.ts';
import { statusPatch } from './patch.ts';
import type { CronJobStatus } from './types.ts';

/** A resource's status is written at most this often. */
const leastBetween: Milliseconds = 5_000;
/** Of all resources together: 100 writes a second, with 100 at once. Each is a write in etcd. */
const slot: Milliseconds = 10;
const burst: Milliseconds = 1_000;

interface Written {
  readonly uid: string;
  readonly at: Instant;
  readonly status: CronJobStatus;
}

/** Writes status where it changed, and no faster than the API server should bear. */
export class StatusWriter {
  readonly #api: Pick<CronJobApi, 'patchStatus'>;
  readonly #onWritten: (resource: CronJobResource) => void;
  readonly #clock: Clock;
  readonly #written = new Map<JobKey, Written>();
  /** Slots given out, for those that have to wait for theirs. */
  readonly #reserved = new Map<JobKey, Instant>();
  #nextSlot: Instant = 0;

  constructor(options: {
    readonly api: Pick<CronJobApi, 'patchStatus'>;
    readonly onWritten: (resource: CronJobResource) => void;
    readonly clock?: Clock;
  }) {
    this.#api = options.api;
    this.#onWritten = options.onWritten;
    this.#clock = options.clock ?? Date.now;
  }

  /**
   * Makes it so, where it is not. Gives how long to wait where it is too early: ask again then, with what is true by
   * then. @throws KubernetesError
   */
  async write(resource: CronJobResource, wanted: CronJobStatus): Promise<Milliseconds | undefined> {
    const key = resourceKey(resource);
    const { uid } = resource.metadata;
    const before = this.#written.get(key);
    const patch = statusPatch(resource.status, wanted);
    // The watch may not have told of the last write yet.
    if (patch === undefined || (before?.uid === uid && isDeepStrictEqual(before.status, wanted))) {
      this.#reserved.delete(key);
      return undefined;
    }
    const now = this.#clock();
    const early = before?.uid === uid ? before.at + leastBetween - now : 0;
    if (early > 0) return early;
    const wait = this.#slotFor(key, now) - now;
    if (wait > 0) return wait;
    this.#reserved.delete(key);
    try {
      const answer = await this.#api.patchStatus(resource, patch);
      this.#written.set(key, { uid, at: this.#clock(), status: wanted });
      this.#onWritten(answer);
    } catch (error) {
      // It is gone, or another one of the name: the watch tells.
      if (!(error instanceof KubernetesError && (error.notFound || error.conflict))) throw error;
    }
    return undefined;
  }

  /** The resource is gone. */
  forget(key: JobKey): void {
    this.#written.delete(key);
    this.#reserved.delete(key);
  }

  /** What was written is compared with the resource again: somebody may have changed it. */
  distrust(): void {
    for (const [key, written] of this.#written) {
      if (this.#clock() - written.at > leastBetween) this.#written.delete(key);
    }
  }

  #slotFor(key: JobKey, now: Instant): Instant {
    const reserved = this.#reserved.get(key);
    if (reserved !== undefined) return reserved;
    this.#nextSlot = Math.max(this.#nextSlot, now - burst) + slot;
    if (this.#nextSlot > now) this.#reserved.set(key, this.#nextSlot);
    return this.#nextSlot;
  }
}
