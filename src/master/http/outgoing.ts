import type { z } from '@hono/zod-openapi';
import type { Calendar } from '../../domain/calendar/calendar.ts';
import type { Job } from '../../domain/job/job.ts';
import type { Freeze } from '../../domain/policy/freeze.ts';
import type { LeftOut } from '../../domain/schedule/job-schedule.ts';
import { formatInstant, type Instant } from '../../domain/time.ts';
import type { ChainLink, ChainLinks, Run, Skip } from '../../store/store.ts';
import type { BackfillView } from '../services/backfills.ts';
import type { WorkerStanding } from '../services/cordons.ts';
import type { DryRun } from '../services/dry-run.ts';
import type { FreezeState } from '../services/freezes.ts';
import type { JobRef } from '../services/jobs.ts';
import type { AskedRun } from '../services/runs.ts';
import type { WaitingRun } from '../services/waiting.ts';
import type { Why } from '../services/why/why.ts';
import type {
  askedRunSchema,
  backfillSchema,
  calendarSchema,
  chainLinksSchema,
  dryRunSchema,
  freezeSchema,
  jobSchema,
  runSchema,
  skipSchema,
  waitingSchema,
  whySchema,
  workerSchema,
} from './schemas.ts';

/** How the answers show things: instants as RFC 3339, absent fields left out. */

export type JobAnswer = z.output<typeof jobSchema>;

export function jobAnswer(
  job: Job,
  status: {
    nextTick?: Instant | undefined;
    lastRun?: Run | undefined;
    problems?: readonly string[] | undefined;
    eligibleWorkers?: number;
  },
): JobAnswer {
  const { name, namespace, labels, annotations, uid, revision, createdAt } = job;
  return {
    apiVersion: 'cronmesh.io/v1alpha1',
    kind: 'CronJob',
    metadata: { name, namespace, labels, annotations, uid, revision, creationTimestamp: formatInstant(createdAt) },
    spec: job.spec,
    status: {
      source: job.source,
      updatedAt: formatInstant(job.updatedAt),
      floor: formatInstant(job.floor),
      ...(status.eligibleWorkers !== undefined && { eligibleWorkers: status.eligibleWorkers }),
      ...(status.nextTick !== undefined && { nextTick: formatInstant(status.nextTick) }),
      ...(job.paused !== undefined && { paused: { ...job.paused, at: formatInstant(job.paused.at) } }),
      ...(status.lastRun !== undefined && { lastRun: runAnswer(status.lastRun) }),
      ...(status.problems !== undefined && { problems: [...status.problems] }),
    },
  };
}

/** `usedBy`: names of the jobs that name it, where they were asked for. */
export function calendarAnswer(calendar: Calendar, usedBy?: readonly string[]): z.output<typeof calendarSchema> {
  const { name, namespace, labels, annotations, revision, createdAt } = calendar;
  return {
    apiVersion: 'cronmesh.io/v1alpha1',
    kind: 'Calendar',
    metadata: { name, namespace, labels, annotations, revision, creationTimestamp: formatInstant(createdAt) },
    spec: calendar.spec,
    status: { updatedAt: formatInstant(calendar.updatedAt), ...(usedBy !== undefined && { usedBy: [...usedBy] }) },
  };
}

export function runAnswer(run: Run): z.output<typeof runSchema> {
  const {
    tick,
    requestedAt,
    claimedAt,
    startedAt,
    finishedAt,
    nextAttemptAt,
    progressAt,
    upstream,
    retryDecided: _,
    particulars: { arguments: given, env, member } = {},
    ...rest
  } = run;
  return {
    ...rest,
    ...(upstream !== undefined && { upstream: [...upstream] }),
    ...(given !== undefined && { arguments: [...given] }),
    ...(env !== undefined && { env }),
    requestedAt: formatInstant(requestedAt),
    ...(tick !== undefined && { tick: formatInstant(tick) }),
    ...(claimedAt !== undefined && { claimedAt: formatInstant(claimedAt) }),
    ...(startedAt !== undefined && { startedAt: formatInstant(startedAt) }),
    ...(finishedAt !== undefined && { finishedAt: formatInstant(finishedAt) }),
    ...(progressAt !== undefined && { progressAt: formatInstant(progressAt) }),
    ...(nextAttemptAt !== undefined && { nextAttemptAt: formatInstant(nextAttemptAt) }),
    ...(member !== undefined && { member }),
  };
}

export function chainLinksAnswer({ upstreams, downstreams }: ChainLinks): z.output<typeof chainLinksSchema> {
  const linkAnswer = ({ arrived, ...link }: ChainLink) => ({
    ...link,
    ...(arrived !== undefined && { arrived: { ...arrived, at: formatInstant(arrived.at) } }),
  });
  return { upstreams: upstreams.map(linkAnswer), downstreams: downstreams.map(linkAnswer) };
}

export function askedAnswer({ runs, ...run }: AskedRun): z.output<typeof askedRunSchema> {
  return { ...runAnswer(run), ...(runs !== undefined && { runs: runs.map(runAnswer) }) };
}

export function leftOutAnswer({ at, calendar, clause }: LeftOut): {
  at: string;
  calendar?: string;
  reason: string;
} {
  return { at: formatInstant(at), ...(calendar !== undefined && { calendar }), reason: clause };
}

export function skipAnswer(skip: Skip): z.output<typeof skipSchema> {
  const { jobUid: _, from, to, recordedAt, ...rest } = skip;
  return { ...rest, from: formatInstant(from), to: formatInstant(to), recordedAt: formatInstant(recordedAt) };
}

export function waitingAnswer(waiting: WaitingRun): z.output<typeof waitingSchema> {
  const { tick, dueAt, deadline, ...rest } = waiting;
  return {
    ...rest,
    ...(tick !== undefined && { tick: formatInstant(tick) }),
    dueAt: formatInstant(dueAt),
    deadline: formatInstant(deadline),
  };
}

export function whyAnswer(ref: JobRef, why: Why): z.output<typeof whySchema> {
  const { at, tick, next, run, skip, ...rest } = why;
  return {
    ...ref,
    ...rest,
    at: formatInstant(at),
    ...(tick !== undefined && { tick: formatInstant(tick) }),
    ...(next !== undefined && { next: formatInstant(next) }),
    ...(run !== undefined && { run: runAnswer(run) }),
    ...(skip !== undefined && { skip: skipAnswer(skip) }),
  };
}

export function freezeAnswer(freeze: Freeze, state: FreezeState): z.output<typeof freezeSchema> {
  const { scope, since, until, endedAt, by, reason } = freeze;
  return {
    scope,
    state,
    since: formatInstant(since),
    ...(until !== undefined && { until: formatInstant(until) }),
    ...(endedAt !== undefined && { endedAt: formatInstant(endedAt) }),
    by,
    reason,
  };
}

export function dryRunAnswer(plan: DryRun): z.output<typeof dryRunSchema> {
  const { dueAt, deadline, command, workers, concurrency, waiting, secretRefs, ...rest } = plan;
  return {
    ...rest,
    dueAt: formatInstant(dueAt),
    deadline: formatInstant(deadline),
    ...(command !== undefined && { command: [...command] }),
    arguments: [...plan.arguments],
    secretRefs: [...secretRefs],
    workers: [...workers],
    concurrency: { ...concurrency, holders: [...concurrency.holders] },
    waiting: waiting.map(one => ({ ...one, requestedAt: formatInstant(one.requestedAt) })),
  };
}

export function backfillAnswer(backfill: BackfillView): z.output<typeof backfillSchema> {
  const { from, to, at, endedAt, nextTick, schedule, counts, open, position: _, by: __, ...rest } = backfill;
  return {
    ...rest,
    ...counts,
    running: open.length,
    schedule: schedule.spec.schedule,
    from: formatInstant(from),
    to: formatInstant(to),
    requestedAt: formatInstant(at),
    ...(endedAt !== undefined && { finishedAt: formatInstant(endedAt) }),
    ...(nextTick !== undefined && { nextTick: formatInstant(nextTick) }),
  };
}

export function workerAnswer(worker: WorkerStanding): z.output<typeof workerSchema> {
  const { startedAt, executors, cordon, modules = [], customs = [], catalog: _, ...rest } = worker;
  return {
    ...rest,
    executors: [...executors],
    modules: [...modules],
    customs: [...customs],
    ...(cordon !== undefined && { cordon: { ...cordon, at: formatInstant(cordon.at) } }),
    ...(startedAt !== undefined && { startedAt: formatInstant(startedAt) }),
  };
}
