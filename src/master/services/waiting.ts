import type { TriggerRecord } from '../../coordination/records.ts';
import { CronmeshError } from '../../domain/errors.ts';
import { type Job, jobKey } from '../../domain/job/job.ts';
import { defaultQueuedRuns } from '../../domain/job/spec.ts';
import { byPlace } from '../../domain/policy/turn.ts';
import type { RunId, TriggerKind } from '../../domain/run/run.ts';
import type { Clock, Instant } from '../../domain/time.ts';
import type { Store } from '../../store/store.ts';
import type { Publishing } from './publishing.ts';

/** A run that was asked for and that no worker has: for want of room, or before its turn. */
export interface WaitingRun {
  readonly run: RunId;
  readonly attempt: number;
  readonly trigger: TriggerKind;
  readonly tick?: Instant;
  /** Its tick or, without one, when it was due. */
  readonly dueAt: Instant;
  /** It is not started after it. */
  readonly deadline: Instant;
  /** Who asked for it, or why it waits. */
  readonly by: string;
}

export interface WaitingDependencies {
  readonly store: Pick<Store, 'pendingRuns'>;
  readonly publishing: Pick<Publishing, 'waiting'>;
  readonly clock: Clock;
}

/** Unpublished runs of all jobs that are looked through for this one's; they come first. */
const lookedThrough = 1_000;

/**
 * The runs of a job that wait for a worker, in the order of a queue: those in Consul, and those that were just asked for.
 * @throws CronmeshError Unavailable without Consul
 */
export async function waitingRuns(deps: WaitingDependencies, job: Job): Promise<readonly WaitingRun[]> {
  const published = (await triggersOf(deps, job)).map(
    ({ run, attempt, kind, tick, dueAt, requestedAt, deadline, by }): WaitingRun => ({
      run,
      attempt,
      trigger: kind,
      ...(tick !== undefined && { tick }),
      dueAt: tick ?? dueAt ?? requestedAt,
      deadline,
      by,
    }),
  );
  const known = new Set(published.map(({ run }) => run));
  const pending = await deps.store.pendingRuns(lookedThrough, deps.clock());
  const unpublished = pending
    .filter(run => !run.published && run.jobUid === job.uid && !known.has(run.id))
    .map(({ id: run, attempt, trigger, tick, dueAt, deadline, by }): WaitingRun => {
      return { run, attempt, trigger, ...(tick !== undefined && { tick }), dueAt, deadline, by };
    });
  return [...published, ...unpublished].sort(byPlace);
}

/** @throws CronmeshError QueueFull when as many runs of a `Queue` job wait as it allows, Unavailable without Consul */
export async function requirePlaceInQueue(deps: WaitingDependencies, job: Job): Promise<void> {
  const { concurrencyPolicy, maxQueuedRuns = defaultQueuedRuns } = job.spec;
  if (concurrencyPolicy !== 'Queue') return;
  const { length } = await waitingRuns(deps, job);
  if (length < maxQueuedRuns) return;
  const message = `${length} runs of ${jobKey(job)} wait, and maxQueuedRuns is ${maxQueuedRuns}: try again once one has started`;
  throw new CronmeshError('QueueFull', message, { retryable: true });
}

async function triggersOf({ publishing }: WaitingDependencies, job: Job): Promise<readonly TriggerRecord[]> {
  try {
    return await publishing.waiting(job);
  } catch (error) {
    const message = `which runs of ${jobKey(job)} wait is known to Consul, which does not answer; try again`;
    throw new CronmeshError('Unavailable', message, { retryable: true, cause: error });
  }
}
