import { isDeepStrictEqual } from 'node:util';
import { CronmeshError, isRetryable } from '../../domain/errors.ts';
import { type Job, type JobKey, jobKey, splitJobKey } from '../../domain/job/job.ts';
import { mayPause } from '../../domain/job/pause.ts';
import { resourceOf } from '../../domain/job/resource.ts';
import type { ValidManifest } from '../../domain/job/validate.ts';
import type { Clock, Instant, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { RunSummary } from '../../store/store.ts';
import type { Holdings } from '../holdings.ts';
import type { CronJobApi } from '../kubernetes/cronjobs.ts';
import type { EventRecorder } from '../kubernetes/events.ts';
import type { ResourceJobs } from '../ports.ts';
import { type CronJobResource, resourceKey } from '../resource.ts';
import type { RunFollower } from '../runs/run-follower.ts';
import { calculateStatus, nextTick, type Ready } from '../status/calculate.ts';
import { conditionOf } from '../status/conditions.ts';
import type { StatusWriter } from '../status/writer.ts';
import type { ResourceCache } from '../watch/cache.ts';
import type { Finalizers } from './finalizers.ts';
import { manifestOf } from './manifest.ts';
import { ownership } from './ownership.ts';
import type { Result } from './result.ts';

export interface ReconcilerDependencies {
  readonly api: CronJobApi;
  readonly cache: ResourceCache;
  readonly holdings: Holdings;
  readonly jobs: ResourceJobs;
  readonly runs: RunFollower;
  readonly status: StatusWriter;
  readonly finalizers: Finalizers;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** The uid of the operator's own namespace. */
  readonly cluster: string;
}

/** Shown a little after the tick, so that one write of the status often tells of its run as well. */
const nextShownAfter: Milliseconds = 2_000;
/** After the end of a run that may be the last before a pause. */
const pauseShownAfter: Milliseconds = 3_000;

/** Makes the job and the status of one resource what they should be, from what is: what happened before does not matter. */
export class Reconciler {
  readonly #deps: ReconcilerDependencies;

  constructor(deps: ReconcilerDependencies) {
    this.#deps = deps;
  }

  /** @throws CronmeshError, KubernetesError: to be tried again */
  async reconcile(key: JobKey): Promise<Result> {
    const resource = this.#deps.cache.get(key);
    if (resource === undefined) return await this.#gone(key);
    if (resource.metadata.deletionTimestamp !== undefined) return await this.#deps.finalizers.finish(resource);
    return await this.#ensure(resource);
  }

  /** The resource went without its finalizer, by hand: its job is an orphan. */
  async #gone(key: JobKey): Promise<Result> {
    this.#deps.status.forget(key);
    if (this.#deps.holdings.get(key) === undefined) return { kind: 'done' };
    await this.deleteOrphan(key);
    return { kind: 'done' };
  }

  /** Deletes a job of this cluster that has no resource, after a look that there is really none. */
  async deleteOrphan(key: JobKey): Promise<void> {
    const { api, jobs, holdings, logger, cluster } = this.#deps;
    const ref = splitJobKey(key);
    if ((await api.get(ref)) !== undefined) return;
    const job = await jobs.get(ref);
    if (job !== undefined && resourceOf(job)?.cluster === cluster) {
      await jobs.delete(job);
      logger.info({ job: key, uid: job.uid }, 'deleted a job whose resource is gone');
    }
    holdings.forget(key);
  }

  async #ensure(resource: CronJobResource): Promise<Result> {
    const { holdings, jobs, cluster, events } = this.#deps;
    const key = resourceKey(resource);
    const judged = manifestOf(resource, cluster);
    const held = holdings.get(key)?.job;
    // What may pause itself changes without the resource: it is read anew.
    if (judged.valid && held !== undefined && !mayPause(held.spec) && isMade(held, judged.manifest)) {
      await this.#deps.finalizers.add(resource);
      return await this.#report(resource, held, applied(held), resource.metadata.generation);
    }
    const owner = ownership(await jobs.get(resource.metadata), resource, cluster);
    if (owner.kind === 'foreign') {
      holdings.forget(key);
      if (conditionOf(resource.status?.conditions, 'Ready')?.message !== owner.message) {
        events.record(resource, 'Conflict', owner.message);
      }
      await this.#report(resource, undefined, { ready: false, reason: 'Conflict', message: owner.message });
      return { kind: 'retry', why: 'Conflict' };
    }
    if (owner.kind === 'former') {
      holdings.forget(key);
      await jobs.delete(owner.job);
    }
    const job = owner.kind === 'ours' ? owner.job : undefined;
    if (!judged.valid) return await this.#invalid(resource, job, judged.message);
    await this.#deps.finalizers.add(resource);
    let made: Job;
    try {
      made = await this.#make(resource, job, judged.manifest);
    } catch (error) {
      if (!(error instanceof CronmeshError)) throw error;
      // The settings do not allow its executor: another try is of no use.
      if (error.code === 'Forbidden') return await this.#invalid(resource, job, error.message);
      // What only the database can tell: a cycle of `after`, or a calendar that is not there. It may be made yet.
      if (error.code !== 'InvalidInput') throw error;
      await this.#invalid(resource, job, error.message);
      return { kind: 'retry', why: error.message };
    }
    return await this.#report(resource, made, applied(made), resource.metadata.generation);
  }

  async #make(resource: CronJobResource, job: Job | undefined, manifest: ValidManifest): Promise<Job> {
    const { holdings, jobs, events, logger } = this.#deps;
    const made = job === undefined ? await jobs.create(manifest) : await jobs.replace(job, manifest);
    if (job === undefined) holdings.created(made);
    else holdings.put(made);
    if (job?.revision === made.revision) return made;
    const what = job === undefined ? 'Created' : 'Updated';
    events.record(resource, what, `${what.toLowerCase()} the job ${made.uid}, revision ${made.revision}`);
    const { uid, revision } = made;
    logger.info({ job: jobKey(made), uid, revision, resource: resource.metadata.uid }, `job ${what.toLowerCase()}`);
    return made;
  }

  /** The job stays as it was before, if there was one. */
  async #invalid(resource: CronJobResource, job: Job | undefined, problems: string): Promise<Result> {
    const { holdings, events } = this.#deps;
    const key = resourceKey(resource);
    const generation = appliedBefore(resource, job);
    if (job === undefined) holdings.forget(key);
    else holdings.put(job);
    const from = generation === undefined ? '' : ` of generation ${generation}`;
    const rest =
      job === undefined ? 'there is no job' : `the job stays as it was${from}: revision ${job.revision} is in force`;
    const message = `${problems}; ${rest}`;
    const before = conditionOf(resource.status?.conditions, 'Ready');
    if (before?.message !== message || before.observedGeneration !== resource.metadata.generation) {
      events.record(resource, 'InvalidSpec', message);
    }
    return await this.#report(resource, job, { ready: false, reason: 'InvalidSpec', message }, generation);
  }

  /** Writes the status, and says when it is to be looked at again: too early now, or once the next tick has passed. */
  async #report(
    resource: CronJobResource,
    job: Job | undefined,
    ready: Ready,
    appliedGeneration?: number,
  ): Promise<Result> {
    const { holdings, jobs, runs, status, clock } = this.#deps;
    const key = resourceKey(resource);
    const holding = holdings.get(key);
    if (holding !== undefined && holding.runs === undefined) await runs.load([holding]);
    const now = clock();
    const wanted = calculateStatus({
      generation: resource.metadata.generation,
      before: resource.status,
      ready,
      job,
      appliedGeneration,
      runs: holdings.get(key)?.runs,
      unserved: job && jobs.unserved?.(job),
      now,
    });
    // The newest version of it: a finalizer may just have been added.
    const wait = await status.write(this.#deps.cache.get(key) ?? resource, wanted);
    const next = job === undefined ? undefined : nextTick(job, now);
    const waits = [
      wait,
      next === undefined ? undefined : next - now + nextShownAfter,
      mayHavePaused(job, holdings.get(key)?.runs, now) ? pauseShownAfter : undefined,
    ].filter(one => one !== undefined);
    return waits.length === 0 ? { kind: 'done' } : { kind: 'done', after: Math.min(...waits) };
  }
}

/** Its leader looks at ended runs each second. */
function mayHavePaused(job: Job | undefined, runs: RunSummary | undefined, now: Instant): boolean {
  if (job === undefined || job.paused !== undefined || !mayPause(job.spec)) return false;
  return (runs?.recent ?? []).some(({ finishedAt }) => finishedAt !== undefined && finishedAt > now - pauseShownAfter);
}

function isMade(job: Job, manifest: ValidManifest): boolean {
  return (
    isDeepStrictEqual(job.spec, manifest.spec) &&
    isDeepStrictEqual(job.labels, manifest.metadata.labels) &&
    isDeepStrictEqual(job.annotations, manifest.metadata.annotations)
  );
}

function applied(job: Job): Ready {
  return { ready: true, reason: 'Applied', message: `the job ${job.uid} is in force at revision ${job.revision}` };
}

/** The generation that the job was made of, as the status has kept it. */
function appliedBefore(resource: CronJobResource, job: Job | undefined): number | undefined {
  if (job === undefined || resource.status?.jobUid !== job.uid) return undefined;
  return conditionOf(resource.status.conditions, 'Applied')?.observedGeneration;
}

/** Why a try failed, and whether it is news: servers that are away are not. */
export function explainFailure(error: unknown): { readonly why: string; readonly expected: boolean } {
  const { name, message } = error as Error;
  return { why: message, expected: isRetryable(error) || name === 'KubernetesError' };
}
