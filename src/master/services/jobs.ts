import { isDeepStrictEqual } from 'node:util';
import { CronmeshError } from '../../domain/errors.ts';
import { floorAfter } from '../../domain/job/floor.ts';
import { type Job, type JobSource, jobKey, makeJobUid } from '../../domain/job/job.ts';
import { mergePatch } from '../../domain/job/merge-patch.ts';
import { changesLimits, stillness } from '../../domain/job/pause.ts';
import type { JobSpec } from '../../domain/job/spec.ts';
import { invalidManifest, type ValidManifest, validateManifest } from '../../domain/job/validate.ts';
import { type NamespaceRules, requireAllowed } from '../../domain/policy/allow-list.ts';
import { scheduleOf } from '../../domain/schedule/index.ts';
import { type LeftOut, leftOutOf } from '../../domain/schedule/job-schedule.ts';
import type { Clock, Instant } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { ChainLinks, JobFilter, Page, Run, Store } from '../../store/store.ts';
import type { Changes } from './changes.ts';
import type { ModuleCheck } from './modules.ts';
import { checkPrecondition, type Precondition } from './precondition.ts';
import type { Publishing } from './publishing.ts';

/** Where a job is. */
export interface JobRef {
  readonly namespace: string;
  readonly name: string;
}

/** What became of a change: content that is the same makes no new revision. */
export interface Applied {
  readonly job: Job;
  readonly outcome: 'created' | 'updated' | 'unchanged';
}

export interface JobServiceDependencies {
  readonly store: Pick<
    Store,
    'createJob' | 'updateJob' | 'deleteJob' | 'getJob' | 'listJobs' | 'lastRuns' | 'chainLinks'
  >;
  readonly publishing: Pick<Publishing, 'publish'>;
  readonly changes: Changes;
  readonly logger: Logger;
  readonly clock: Clock;
  /** What the manifest itself does not show to be wrong: names that no worker has. Default: nothing. */
  readonly modules?: Pick<ModuleCheck, 'problems'>;
  /** Fills `count` random bytes. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** Whether this master's clock may stamp: floors depend on it. */
  readonly clockOk: () => boolean;
  /** What jobs of namespaces may be. Default: everything is allowed. */
  readonly rules?: NamespaceRules | undefined;
  /** The channels that a job's `notify` may name. Default: any. */
  readonly channels?: readonly string[];
}

/** Somebody else's change came between the read and the write this often: give up and let the caller repeat. */
const maxTries = 5;

/** Job definitions: every change goes through here, into the database first and to Consul at once after it. */
export class JobService {
  readonly #deps: JobServiceDependencies;

  constructor(deps: JobServiceDependencies) {
    this.#deps = deps;
  }

  /** @throws CronmeshError Forbidden, Unprocessable, AlreadyExists, Unavailable */
  async create(manifest: ValidManifest, source: JobSource = 'api'): Promise<Job> {
    const { store, clock, randomBytes, rules = {} } = this.#deps;
    requireAllowed(rules, manifest.metadata.namespace, manifest.spec);
    await this.#checkModules(manifest.spec);
    this.#checkClock();
    this.#checkChannels(manifest);
    const { name, namespace, labels, annotations } = manifest.metadata;
    const uid = makeJobUid(randomBytes(16));
    const job = await store.createJob({
      uid,
      namespace,
      name,
      labels,
      annotations,
      spec: manifest.spec,
      source,
      now: clock(),
    });
    this.#changed(job);
    return job;
  }

  /**
   * Creates the job, or replaces it. Replacing needs a `match`, so that nobody's change is overwritten unseen. `by` is
   * the source of a job that is created; jobs of resources are the operator's (`kubernetes`) alone, and it has no others.
   *
   * @throws CronmeshError Unprocessable, StaleRevision, PreconditionRequired, Conflict, Unavailable
   */
  async apply(manifest: ValidManifest, precondition: Precondition, by: JobSource = 'api'): Promise<Applied> {
    const ref = manifest.metadata;
    return await this.#retry(precondition, async () => {
      const job = await this.#deps.store.getJob(ref.namespace, ref.name);
      checkPrecondition(ref, job, precondition);
      if (job === undefined) return { job: await this.create(manifest, by), outcome: 'created' };
      if (precondition.match === undefined && precondition.uid === undefined) {
        throw new CronmeshError(
          'PreconditionRequired',
          `the job ${jobKey(ref)} exists; to replace it, send If-Match with its ETag ("${job.revision}"), or * for whatever it is`,
        );
      }
      return await this.#update(job, manifest, by);
    });
  }

  /**
   * Changes what a JSON merge patch names.
   *
   * @throws CronmeshError NotFound, InvalidInput, Unprocessable, StaleRevision, Conflict, Unavailable
   */
  async patch(ref: JobRef, patch: unknown, precondition: Precondition = {}): Promise<Applied> {
    return await this.#retry(precondition, async () => {
      const job = await this.get(ref);
      checkPrecondition(ref, job, precondition);
      const { namespace, name, labels, annotations, spec } = job;
      const patched = mergePatch({ metadata: { namespace, name, labels, annotations }, spec }, patch);
      return await this.#update(job, validateManifest(patched, { expect: ref }), 'api');
    });
  }

  /**
   * Resuming ends a pause of the job's own as well, and of a job that comes from a resource that alone: a pause is no
   * part of the spec.
   *
   * @throws CronmeshError NotFound, StaleRevision, Conflict, Unavailable
   */
  async setSuspended(ref: JobRef, suspend: boolean, precondition: Precondition = {}): Promise<Applied> {
    return await this.#retry(precondition, async () => {
      const job = await this.get(ref);
      checkPrecondition(ref, job, precondition);
      const resume = !suspend && job.paused !== undefined;
      if (job.spec.suspend !== suspend || !resume) checkEditable(job, 'api');
      const { labels, annotations } = job;
      if (job.spec.suspend === suspend && !resume) return { job, outcome: 'unchanged' };
      // What is not allowed any more may be stopped, not set going.
      if (!suspend) requireAllowed(this.#deps.rules ?? {}, job.namespace, job.spec);
      return await this.#write(job, { labels, annotations, spec: { ...job.spec, suspend } }, resume);
    });
  }

  /** @throws CronmeshError NotFound, StaleRevision, Conflict, Unavailable */
  async delete(ref: JobRef, precondition: Precondition = {}, by: JobSource = 'api'): Promise<void> {
    await this.#retry(precondition, async () => {
      const job = await this.get(ref);
      checkPrecondition(ref, job, precondition);
      checkEditable(job, by);
      this.#checkClock();
      await this.#deps.store.deleteJob(job.uid, this.#deps.clock(), job.revision);
      this.#changed(job);
    });
  }

  /** @throws CronmeshError NotFound */
  async get(ref: JobRef): Promise<Job> {
    const job = await this.#deps.store.getJob(ref.namespace, ref.name);
    if (job === undefined) throw new CronmeshError('NotFound', `there is no job ${jobKey(ref)}`);
    return job;
  }

  async list(filter: JobFilter): Promise<Page<Job>> {
    return await this.#deps.store.listJobs(filter);
  }

  /** What it comes after, and what comes after it. */
  async chainLinks(job: Job): Promise<ChainLinks> {
    return await this.#deps.store.chainLinks(job);
  }

  /** The newest run of each job that has one. */
  async lastRuns(jobs: readonly Job[]): Promise<ReadonlyMap<string, Run>> {
    return await this.#deps.store.lastRuns(jobs.map(job => job.uid));
  }

  /** The next ticks after `from`: at most `count`, none while the job is suspended or paused, or when its schedule has ended. */
  nextTicks(job: Job, count: number, from: Instant = this.#deps.clock()): readonly Instant[] {
    if (stillness(job) !== undefined) return [];
    const schedule = scheduleOf(job);
    const ticks: Instant[] = [];
    let after = Math.max(from, job.floor);
    while (ticks.length < count) {
      const tick = schedule.next(after);
      if (tick === undefined) break;
      ticks.push(tick);
      after = tick;
    }
    return ticks;
  }

  /**
   * Times after `from` that the schedule alone has, and calendars, `startAt` or `endAt` take out: up to the last of
   * the `ticks` that come then where there are as many as were asked for; at most `count`.
   */
  leftOut(job: Job, count: number, ticks: readonly Instant[], from: Instant = this.#deps.clock()): readonly LeftOut[] {
    if (job.spec.suspend) return [];
    const last = ticks.length < count ? undefined : ticks.at(-1);
    return leftOutOf(job, Math.max(from, job.floor), last ?? Number.POSITIVE_INFINITY, count);
  }

  async #update(job: Job, manifest: ValidManifest, by: JobSource): Promise<Applied> {
    checkEditable(job, by);
    const { labels, annotations } = manifest.metadata;
    const { spec } = manifest;
    const same =
      isDeepStrictEqual(job.spec, spec) &&
      isDeepStrictEqual(job.labels, labels) &&
      isDeepStrictEqual(job.annotations, annotations);
    if (same) return { job, outcome: 'unchanged' };
    // What is not allowed any more may always be stopped.
    const stopped = isDeepStrictEqual({ ...job.spec, suspend: true }, spec);
    if (!stopped) requireAllowed(this.#deps.rules ?? {}, job.namespace, spec);
    // A job whose worker is away can still be suspended, say.
    if (!isDeepStrictEqual(job.spec.executor, spec.executor)) await this.#checkModules(spec);
    this.#checkClock();
    this.#checkChannels(manifest);
    return await this.#write(job, { labels, annotations, spec }, false);
  }

  async #write(job: Job, content: Pick<Job, 'labels' | 'annotations' | 'spec'>, resume: boolean): Promise<Applied> {
    this.#checkClock();
    const now = this.#deps.clock();
    const { uid, revision, paused } = job;
    const ends = paused !== undefined && (resume || changesLimits(job.spec, content.spec));
    const floor = ends ? Math.max(job.floor, now) : floorAfter(job, content.spec, now);
    const change = { uid, revision, ...content, floor, now, ...(resume && { resume: true as const }) };
    const updated = await this.#deps.store.updateJob(change);
    this.#changed(updated);
    return { job: updated, outcome: 'updated' };
  }

  /**
   * Repeats a read and its write when another change came between them. Not where the caller named a revision (or
   * that there be none): a change in between is what it wants to hear of.
   */
  async #retry<T>(precondition: Precondition, attempt: () => Promise<T>): Promise<T> {
    const repeatable = !precondition.absent && !Array.isArray(precondition.match);
    for (let tries = 1; ; tries++) {
      try {
        return await attempt();
      } catch (error) {
        const taken = error instanceof CronmeshError && error.code === 'AlreadyExists';
        if (taken && precondition.absent) throw new CronmeshError('StaleRevision', error.message);
        const raced = taken || (error instanceof CronmeshError && error.code === 'StaleRevision');
        if (!raced || !repeatable || tries >= maxTries) throw error;
      }
    }
  }

  async #checkModules(spec: JobSpec): Promise<void> {
    const problems = (await this.#deps.modules?.problems(spec)) ?? [];
    if (problems.length > 0) throw invalidManifest(problems, 'Unprocessable');
  }

  /** @throws CronmeshError InvalidInput */
  #checkChannels({ spec }: ValidManifest): void {
    const { channels } = this.#deps;
    if (channels === undefined) return;
    const problems = (spec.notify ?? []).flatMap(({ channel }, i) => {
      if (channels.includes(channel)) return [];
      const known = channels.length === 0 ? 'none is configured' : `there are ${channels.join(', ')}`;
      const message = `is no channel of the masters' configuration (notifications.channels): ${known}`;
      return [{ field: `spec.notify[${i}].channel`, value: JSON.stringify(channel), message }];
    });
    if (problems[0])
      throw new CronmeshError('InvalidInput', `${problems[0].field} ${problems[0].message}`, { problems });
  }

  #checkClock(): void {
    if (this.#deps.clockOk()) return;
    throw new CronmeshError(
      'Unavailable',
      "this master's clock is off from its peers': it changes nothing until it is right again; ask another master",
      {
        retryable: true,
      },
    );
  }

  /** Publishes in the background: the change is committed, and the outbox publishes again what fails here. */
  #changed(job: Job): void {
    const { publishing, changes, logger } = this.#deps;
    changes.jobChanged(jobKey(job));
    publishing.publish([job]).catch((error: unknown) => {
      logger.warn({ err: error, job: jobKey(job) }, 'the job was not published at once; the outbox will do it');
    });
  }
}

/** A job that a resource describes is changed by the operator alone, and the operator changes no other. */
function checkEditable(job: Job, by: JobSource): void {
  if ((job.source === 'kubernetes') === (by === 'kubernetes')) return;
  throw new CronmeshError(
    'Conflict',
    by === 'kubernetes'
      ? `the job ${jobKey(job)} was made by ${job.source}, not from a CronJob resource: the operator leaves it alone`
      : `the job ${jobKey(job)} comes from a CronJob resource in Kubernetes; change it there (kubectl edit mcj -n ${job.namespace} ${job.name})`,
  );
}
