import { memberText } from '../../domain/policy/members.ts';
import type { Instant } from '../../domain/time.ts';
import type {
  BackfillView,
  CalendarView,
  FreezeView,
  JobView,
  NotificationView,
  RunView,
  SkipView,
  WaitingView,
  WorkerView,
} from '../views.ts';
import {
  executorSummary,
  formatLabels,
  formatRelative,
  runDuration,
  runProgress,
  runResult,
  runState,
} from './format.ts';
import { formatTable } from './table.ts';

interface Look {
  /** All columns. */
  readonly wide: boolean;
  readonly now: Instant;
}

type Column<T> = readonly [heading: string, cell: (item: T) => string];

export function jobTable(jobs: readonly JobView[], { wide, now }: Look): string {
  return table(jobs, [
    ['NAMESPACE', job => job.metadata.namespace],
    ['NAME', job => job.metadata.name],
    ['SCHEDULE', job => job.spec.schedule],
    ['ZONE', job => job.spec.timeZone ?? 'UTC'],
    ['SUSPENDED', job => (job.status.paused ? 'paused' : job.spec.suspend ? 'yes' : 'no')],
    ['NEXT', job => formatRelative(job.status.nextTick, now)],
    ['LAST', job => job.status.lastRun?.state ?? '-'],
    ['LAST START', job => formatRelative(job.status.lastRun?.startedAt, now)],
    ...(wide
      ? ([
          ['REVISION', job => String(job.metadata.revision)],
          ['SOURCE', job => job.status.source],
          ['CONCURRENCY', job => job.spec.concurrencyPolicy ?? 'Allow'],
          ['PLACEMENT', job => placementText(job.spec.placement)],
          ['LABELS', job => formatLabels(job.metadata.labels)],
          ['RUNS', job => executorSummary(job.spec.executor)],
        ] satisfies Column<JobView>[])
      : []),
  ]);
}

export function calendarTable(calendars: readonly CalendarView[], { wide, now }: Look): string {
  return table(calendars, [
    ['NAMESPACE', calendar => calendar.metadata.namespace],
    ['NAME', calendar => calendar.metadata.name],
    ['ZONE', calendar => calendar.spec.timeZone],
    ['DATES', calendar => String(calendar.spec.dates.length)],
    ['RANGES', calendar => String(calendar.spec.ranges.length)],
    ['WEEKLY', calendar => String(calendar.spec.weekly.length)],
    ['CHANGED', calendar => formatRelative(calendar.status.updatedAt, now)],
    ...(wide
      ? ([
          ['REVISION', calendar => String(calendar.metadata.revision)],
          ['LABELS', calendar => formatLabels(calendar.metadata.labels)],
        ] satisfies Column<CalendarView>[])
      : []),
  ]);
}

export function runTable(runs: readonly RunView[], { wide, now }: Look): string {
  return table(runs, [
    ['ID', run => run.id],
    ['JOB', run => `${run.namespace}/${run.name}`],
    ...(runs.some(run => run.member !== undefined)
      ? ([['PART', run => (run.member === undefined ? '-' : memberText(run.member))]] satisfies Column<RunView>[])
      : []),
    ['TRIGGER', run => run.trigger],
    ['TICK', run => run.tick ?? '-'],
    ['STATE', run => runState(run, now)],
    ['ATTEMPT', run => String(run.attempt)],
    ['STARTED', run => formatRelative(run.startedAt, now)],
    ['TOOK', run => runDuration(run, now)],
    ...(wide
      ? ([
          ['PROGRESS', run => runProgress(run)],
          ['WORKER', run => run.worker ?? '-'],
          ['RESULT', run => runResult(run)],
        ] satisfies Column<RunView>[])
      : []),
  ]);
}

export function waitingTable(runs: readonly WaitingView[], { now }: Pick<Look, 'now'>): string {
  return table(runs, [
    ['ID', run => run.run],
    ['TRIGGER', run => run.trigger],
    ['ATTEMPT', run => String(run.attempt)],
    ['DUE', run => run.dueAt],
    ['UNTIL', run => formatRelative(run.deadline, now)],
    ['BY', run => run.by],
  ]);
}

export function backfillTable(backfills: readonly BackfillView[], { now }: Pick<Look, 'now'>): string {
  return table(backfills, [
    ['ID', one => one.id],
    ['JOB', one => `${one.namespace}/${one.name}`],
    ['FROM', one => one.from],
    ['TO', one => one.to],
    ['STATE', one => one.state],
    ['DONE', one => `${one.done}/${one.total}`],
    ['RUNNING', one => String(one.running)],
    ['SUCCEEDED', one => String(one.succeeded)],
    ['FAILED', one => String(one.failed)],
    ['SKIPPED', one => String(one.skipped)],
    ['LEFT OUT', one => String(one.leftOut)],
    ['ASKED', one => formatRelative(one.requestedAt, now)],
  ]);
}

export function workerTable(workers: readonly WorkerView[], { wide }: Pick<Look, 'wide'>): string {
  return table(workers, [
    ['NAME', worker => worker.name],
    ['READY', worker => (worker.cordon ? (worker.cordon.drain ? 'drained' : 'cordoned') : worker.ready ? 'yes' : 'no')],
    ['RUNNING', worker => (worker.running === undefined ? '-' : String(worker.running))],
    ['CAPACITY', worker => String(worker.capacity)],
    ['EXECUTORS', worker => worker.executors.join(',')],
    ['LABELS', worker => formatLabels(worker.labels)],
    ['VERSION', worker => worker.version],
    ...(wide
      ? ([
          ['MODULES', worker => [...(worker.modules ?? []), ...(worker.customs ?? [])].join(',') || '-'],
          ['NODE', worker => worker.node],
          ['ADDRESS', worker => `${worker.address}:${worker.port}`],
          ['ID', worker => worker.id],
        ] satisfies Column<WorkerView>[])
      : []),
  ]);
}

export function freezeTable(freezes: readonly FreezeView[]): string {
  return table(freezes, [
    ['SCOPE', freeze => freeze.scope],
    ['STATE', freeze => freeze.state],
    ['SINCE', freeze => freeze.since],
    ['UNTIL', freeze => freeze.endedAt ?? freeze.until ?? 'thawed'],
    ['BY', freeze => freeze.by],
    ['REASON', freeze => freeze.reason],
  ]);
}

export function notificationTable(notifications: readonly NotificationView[]): string {
  return table(notifications, [
    ['CREATED', one => one.createdAt],
    ['NAMESPACE', one => one.namespace],
    ['JOB', one => one.name],
    ['EVENT', one => one.event],
    ['CHANNEL', one => one.channel],
    ['STATE', one => one.state],
    ['TRIES', one => String(one.attempts)],
    ['TEXT', one => one.error ?? one.text.split('\n', 1)[0] ?? ''],
  ]);
}

export function skipTable(skips: readonly SkipView[]): string {
  return table(skips, [
    ['FROM', skip => skip.from],
    ['TO', skip => skip.to],
    ['TICKS', skip => String(skip.count)],
    ['REASON', skip => skip.reason],
    ['DETAIL', skip => skip.detail],
  ]);
}

function placementText({ mode = 'One', shards }: NonNullable<JobView['spec']['placement']> = {}): string {
  return shards === undefined ? mode : `${mode} ${shards}`;
}

function table<T>(items: readonly T[], columns: readonly Column<T>[]): string {
  return formatTable(
    columns.map(([heading]) => heading),
    items.map(item => columns.map(([, cell]) => cell(item))),
  );
}
