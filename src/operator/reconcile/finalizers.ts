import { jobKey } from '../../domain/job/job.ts';
import type { Clock, Instant, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Holdings } from '../holdings.ts';
import type { CronJobApi } from '../kubernetes/cronjobs.ts';
import { KubernetesError } from '../kubernetes/error.ts';
import type { EventRecorder } from '../kubernetes/events.ts';
import type { ResourceJobs } from '../ports.ts';
import {
  type CronJobResource,
  finalizer,
  hasFinalizer,
  isReleased,
  otherFinalizers,
  releasedAnnotation,
  resourceKey,
} from '../resource.ts';
import type { ResourceCache } from '../watch/cache.ts';
import { inTime } from './in-time.ts';
import { ownership } from './ownership.ts';
import type { Result } from './result.ts';

export interface FinalizersOptions {
  readonly api: Pick<CronJobApi, 'setFinalizers'>;
  readonly cache: ResourceCache;
  readonly holdings: Holdings;
  readonly jobs: ResourceJobs;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly cluster: string;
  /** How long after a deletion was asked for the resource waits for its job. */
  readonly timeout: Milliseconds;
  /** When this operator started. */
  readonly startedAt: Instant;
}

/** A database that hangs is waited for so long in one try. */
const deleteTimeout: Milliseconds = 10_000;

/** Keeps a resource until its job is deleted, but not for ever: then the job is an orphan, deleted by a later resync. */
export class Finalizers {
  readonly #options: FinalizersOptions;

  constructor(options: FinalizersOptions) {
    this.#options = options;
  }

  /** Puts the finalizer on, where it lacks. */
  async add(resource: CronJobResource): Promise<void> {
    if (hasFinalizer(resource) || isReleased(resource, this.#options.startedAt)) return;
    await this.#set(resource, [...otherFinalizers(resource), finalizer], { [releasedAnnotation]: null });
  }

  /** The resource is to go: deletes its job, then takes the finalizer off. */
  async finish(resource: CronJobResource): Promise<Result> {
    const { events, logger, timeout, clock } = this.#options;
    const key = resourceKey(resource);
    let deleted: string | undefined;
    try {
      deleted = await inTime(deleteTimeout, 'the database', this.#deleteJob(resource));
    } catch (error) {
      const left = Date.parse(resource.metadata.deletionTimestamp ?? '') + timeout - clock();
      const why = (error as Error).message;
      if (left > 0) return { kind: 'retry', why, most: left };
      if (!hasFinalizer(resource)) return { kind: 'retry', why };
      const message = `the job could not be deleted within ${timeout / 1_000} s and is left behind: ${why}; it is deleted once its database answers`;
      events.record(resource, 'FinalizerTimedOut', message);
      logger.error({ job: key, reason: why }, 'a resource goes without its job: the finalizer timed out');
    }
    if (deleted !== undefined) {
      events.record(resource, 'Deleted', `deleted the job ${deleted}`);
      logger.info({ job: key, uid: deleted, resource: resource.metadata.uid }, 'job deleted');
    }
    if (hasFinalizer(resource)) await this.#set(resource, otherFinalizers(resource));
    return { kind: 'done' };
  }

  /** Gives the uid of the job that was deleted; undefined where there was none of this resource. */
  async #deleteJob(resource: CronJobResource): Promise<string | undefined> {
    const { jobs, holdings, cluster } = this.#options;
    const owner = ownership(await jobs.get(resource.metadata), resource, cluster);
    if (owner.kind === 'ours' || owner.kind === 'former') await jobs.delete(owner.job);
    holdings.forget(jobKey(resource.metadata));
    return owner.kind === 'ours' || owner.kind === 'former' ? owner.job.uid : undefined;
  }

  async #set(
    resource: CronJobResource,
    finalizers: readonly string[],
    annotations: Readonly<Record<string, null>> = {},
  ): Promise<void> {
    try {
      this.#options.cache.refresh(await this.#options.api.setFinalizers(resource, finalizers, annotations));
    } catch (error) {
      if (!(error instanceof KubernetesError && error.notFound)) throw error;
    }
  }
}
