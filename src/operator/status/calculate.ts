import type { Job } from '../../domain/job/job.ts';
import { stillness } from '../../domain/job/pause.ts';
import { maxRunMessage } from '../../domain/job/resource-status.ts';
import { terminalStates } from '../../domain/run/run.ts';
import { scheduleOf } from '../../domain/schedule/index.ts';
import { formatInstant, type Instant } from '../../domain/time.ts';
import type { Run, RunSummary } from '../../store/store.ts';
import { clip, conditionOf, conditionsWith, type Verdict } from './conditions.ts';
import type { Condition, CronJobStatus, LastRun, RecentRun } from './types.ts';

/** Why a resource is ready or not. */
export type Ready =
  | { readonly ready: true; readonly reason: 'Applied'; readonly message: string }
  | { readonly ready: false; readonly reason: 'InvalidSpec' | 'Conflict'; readonly message: string };

export interface StatusInput {
  readonly generation: number;
  readonly before: CronJobStatus | undefined;
  readonly ready: Ready;
  /** The resource's job, where it has one. */
  readonly job: Job | undefined;
  /** The generation that the job was made of; undefined where that is not known any more. */
  readonly appliedGeneration: number | undefined;
  readonly runs: RunSummary | undefined;
  /** That no ready worker may run it. */
  readonly unserved?: string | undefined;
  readonly now: Instant;
}

/** Outcomes kept in the status. */
const recentKept = 5;

/** The status that a resource should have. */
export function calculateStatus(input: StatusInput): CronJobStatus {
  const { generation, before, job, now, runs } = input;
  const conditions = conditionsWith(before?.conditions ?? [], verdicts(input), now);
  const common = { observedGeneration: generation, conditions };
  if (job === undefined) return { ...common, active: 0 };
  // What was said of another job of the name is not true of this one.
  const same = before?.jobUid === job.uid ? before : undefined;
  const next = nextTick(job, now);
  const ended = (runs?.recent ?? []).filter(run => terminalStates.has(run.state));
  const [last] = runs?.recent ?? [];
  const tick = newest(same?.lastScheduleTime, (runs?.recent ?? []).flatMap(scheduled));
  const succeeded = newest(same?.lastSuccessfulTime, successes(runs));
  return {
    ...common,
    jobUid: job.uid,
    revision: job.revision,
    active: runs?.active ?? 0,
    ...(tick !== undefined && { lastScheduleTime: tick }),
    ...(succeeded !== undefined && { lastSuccessfulTime: succeeded }),
    ...(last !== undefined && { lastRun: lastRun(last) }),
    ...(ended.length > 0 && { recentRuns: ended.slice(0, recentKept).map(recentRun) }),
    ...(next !== undefined && { nextScheduleTime: formatInstant(next) }),
  };
}

/** The next tick after `now`: none while the job is suspended or paused, or when its schedule has ended. */
export function nextTick(job: Job, now: Instant): Instant | undefined {
  return stillness(job) !== undefined ? undefined : scheduleOf(job).next(Math.max(now, job.floor));
}

function verdicts({ generation, before, ready, job, appliedGeneration, unserved }: StatusInput): readonly Verdict[] {
  const { reason, message } = ready;
  const verdict = (
    type: Condition['type'],
    yes: boolean,
    why: string,
    text: string,
    observed = generation,
  ): Verdict => ({
    type,
    status: yes ? 'True' : 'False',
    observedGeneration: observed,
    reason: why,
    message: text,
  });
  const all = [verdict('Ready', ready.ready, reason, message)];
  if (job === undefined) return all;
  if (appliedGeneration !== undefined) {
    const text = `the job ${job.uid} at revision ${job.revision} is of generation ${appliedGeneration}`;
    all.push(verdict('Applied', true, 'Applied', text, appliedGeneration));
  }
  if (job.spec.suspend) all.push(verdict('Suspended', true, 'Suspended', 'spec.suspend is true: no tick is due'));
  else if (conditionOf(before?.conditions, 'Suspended') !== undefined) {
    all.push(verdict('Suspended', false, 'Resumed', 'ticks are due again'));
  }
  if (unserved !== undefined) all.push(verdict('Served', false, 'NoEligibleWorker', unserved));
  else if (conditionOf(before?.conditions, 'Served') !== undefined) {
    all.push(verdict('Served', true, 'WorkerReady', 'a ready worker may run it'));
  }
  const { paused } = job;
  if (paused !== undefined) {
    const how = `cronmesh resume ${job.namespace}/${job.name}, or another limit in the spec, ends it`;
    all.push(verdict('Paused', true, paused.reason, `${paused.detail}: no tick is due; ${how}`));
  } else if (conditionOf(before?.conditions, 'Paused') !== undefined) {
    all.push(verdict('Paused', false, 'Resumed', 'ticks are due again'));
  }
  return all;
}

function lastRun(run: Run): LastRun {
  return {
    ...recentRun(run),
    ...(run.startedAt !== undefined && { startedAt: formatInstant(run.startedAt) }),
    ...(run.message !== undefined && { message: clip(run.message, maxRunMessage) }),
  };
}

function recentRun(run: Run): RecentRun {
  return {
    id: run.id,
    state: run.state,
    ...(run.tick !== undefined && { tick: formatInstant(run.tick) }),
    ...(run.finishedAt !== undefined && { finishedAt: formatInstant(run.finishedAt) }),
  };
}

/** A tick that has a run: one that was asked for and never started does not count. */
function scheduled(run: Run): readonly Instant[] {
  return run.tick === undefined || run.state === 'Skipped' || run.state === 'Pending' ? [] : [run.tick];
}

function successes(runs: RunSummary | undefined): readonly Instant[] {
  const all = [...(runs?.recent ?? []), ...(runs?.lastSuccess === undefined ? [] : [runs.lastSuccess])];
  return all.flatMap(run => (run.state === 'Succeeded' && run.finishedAt !== undefined ? [run.finishedAt] : []));
}

/** The latest: of what the status says already (runs are forgotten one day) and what is seen now. */
function newest(before: string | undefined, seen: readonly Instant[]): string | undefined {
  const former = before === undefined ? Number.NaN : Date.parse(before);
  const all = Number.isNaN(former) ? seen : [former, ...seen];
  return all.length === 0 ? undefined : formatInstant(Math.max(...all));
}
