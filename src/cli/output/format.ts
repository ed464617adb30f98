import type { Instant, Milliseconds } from '../../domain/time.ts';
import type { JobView, RunView } from '../views.ts';

/** A length of time in its two largest units: `3d4h`, `5m12s`, `850ms`. */
export function formatDuration(time: Milliseconds): string {
  if (time < 1_000) return `${Math.round(time)}ms`;
  let seconds = Math.floor(time / 1_000);
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0 || parts.length > 0) parts.push(`${count}${unit}`);
    if (parts.length === 2) break;
  }
  return parts.filter(part => !/^0/.test(part)).join('');
}

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const;

/** `5m12s ago`, `in 3h`, or `-` where there is none. */
export function formatRelative(instant: string | undefined, now: Instant): string {
  if (instant === undefined) return '-';
  const time = Date.parse(instant) - now;
  return time >= 0 ? `in ${formatDuration(time)}` : `${formatDuration(-time)} ago`;
}

/** How long the run took, or has taken until now; `-` before it began. */
export function runDuration(run: RunView, now: Instant): string {
  if (run.startedAt === undefined) return '-';
  return formatDuration((run.finishedAt === undefined ? now : Date.parse(run.finishedAt)) - Date.parse(run.startedAt));
}

/** `Running`; of a delayed run `Pending, due in 5m12s`; between two attempts `Pending, again in 5m12s`. */
export function runState({ state, nextAttemptAt, requestedAt }: RunView, now: Instant): string {
  if (nextAttemptAt === undefined) {
    return state === 'Pending' && Date.parse(requestedAt) > now
      ? `${state}, due ${formatRelative(requestedAt, now)}`
      : state;
  }
  return `${state}, again ${Date.parse(nextAttemptAt) > now ? formatRelative(nextAttemptAt, now) : 'now'}`;
}

/** `42%`, with what it says about it. */
export function runProgress({ progress, progressMessage }: RunView): string {
  if (progress === undefined) return '-';
  return `${Math.floor(progress)}%${progressMessage === undefined ? '' : ` ${progressMessage}`}`;
}

/** How it ended: `exit 1`, `SIGKILL`, `HTTP 503`, with what it says about itself. */
export function runResult(run: RunView): string {
  const { exitCode, signal, httpStatus, reason, message } = run;
  const facts = [
    exitCode === undefined ? undefined : `exit ${exitCode}`,
    signal,
    httpStatus === undefined ? undefined : `HTTP ${httpStatus}`,
    reason,
    message,
  ];
  return facts.filter(fact => fact !== undefined && fact !== '').join(', ') || '-';
}

/** `a=b,c=d`, or `-`. */
export function formatLabels(labels: Readonly<Record<string, string>> = {}): string {
  return (
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(',') || '-'
  );
}

/** The command, the address, or what is named. */
export function executorSummary(executor: JobView['spec']['executor']): string {
  const { shell, http, module, custom } = executor;
  if (module) return `module ${module.name}`;
  if (custom) return `custom ${custom.name}`;
  if (http) return `${http.method ?? 'GET'} ${http.url}`;
  const text = [shell?.command ?? shell?.script ?? ''].flat().join(' ').trim();
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
