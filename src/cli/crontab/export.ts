import { isDeepStrictEqual } from 'node:util';
import { jobSpec, type Manifest } from '../../domain/job/spec.ts';
import { descriptionAnnotation, noTimeoutSeconds } from './import.ts';
import { toCrontabSchedule } from './schedule.ts';
import { type ShellLine, toShellLine } from './shell-line.ts';

/** A job whose defaults are filled in. */
export type ExportedJob = Pick<Manifest, 'metadata' | 'spec'>;

/** Something of a job that a crontab cannot say. */
export interface ExportNotice {
  /** `<namespace>/<name>` */
  readonly job: string;
  readonly message: string;
  /** Whether the job has no line that runs. */
  readonly dropped: boolean;
}

export interface ExportedCrontab {
  readonly text: string;
  readonly notices: readonly ExportNotice[];
}

/** What a spec has when nothing is said: worth no notice. */
const defaults: Readonly<Record<string, unknown>> = jobSpec.parse({
  schedule: '@manually',
  executor: { shell: { command: ':' } },
});
/** What lines and the environment above them say. Everything else of a spec, now or later, is a loss. */
const expressed: ReadonlySet<string> = new Set(['schedule', 'timeZone', 'executor', 'suspend']);

/**
 * Writes jobs as a crontab for cronie, in the order given. What cannot be expressed is a notice of its job; a job that
 * has no line that runs stays as a comment. Variables that all jobs share stand at the top, the others in the commands.
 *
 * @example exportCrontab([validateManifest(written)]).text
 */
export function exportCrontab(jobs: readonly ExportedJob[]): ExportedCrontab {
  const notices: ExportNotice[] = [];
  const shared = sharedVariables(jobs);
  const lines = [...shared].map(([name, value]) => `${name}=${value === '' ? '""' : value}`);
  const above = new Map<string, string>();
  for (const job of jobs) {
    const { metadata, spec } = job;
    const name = `${metadata.namespace ?? 'default'}/${metadata.name}`;
    const notice = (message: string, dropped: boolean): void => {
      notices.push({ job: name, message, dropped });
    };
    const description = metadata.annotations[descriptionAnnotation] ?? name;
    lines.push('', ...description.split('\n').map(line => `# ${line}`));
    try {
      const { schedule, timeZone, command, shell } = toLine(job, shared);
      for (const message of losses(job)) notice(message, false);
      const line = `${schedule} ${command}`;
      if (spec.suspend) {
        notice('is suspended: its line is commented out', true);
        lines.push(`# suspended: ${line}`);
        continue;
      }
      for (const [variable, value] of [['CRON_TZ', timeZone] as const, ['SHELL', shell] as const]) {
        if (above.get(variable) !== value) lines.push(`${variable}=${value}`);
        above.set(variable, value);
      }
      lines.push(line);
    } catch (error) {
      const { message } = error as Error;
      notice(message, true);
      lines.push(`# not exported: ${message.replace(/\s+/g, ' ')}`);
    }
  }
  return { text: `${['# Written by cronmesh export.', ...lines].join('\n')}\n`, notices };
}

/** @throws Error that says what cannot be expressed */
function toLine(
  { spec }: ExportedJob,
  shared: ReadonlyMap<string, string>,
): ShellLine & { schedule: string; timeZone: string } {
  const converted = toCrontabSchedule(spec.schedule);
  if ('problem' in converted) throw new Error(converted.problem);
  const { shell } = spec.executor;
  if (!shell) throw new Error('only a shell executor can be expressed');
  return {
    ...toShellLine(shell, shared),
    schedule: converted.schedule,
    timeZone: converted.timeZone ?? spec.timeZone ?? 'UTC',
  };
}

function losses({ metadata, spec }: ExportedJob): string[] {
  const lost = Object.entries(spec)
    .filter(
      ([field, value]) => !expressed.has(field) && value !== undefined && !isDeepStrictEqual(value, defaults[field]),
    )
    .filter(([field, value]) => field !== 'timeoutSeconds' || value !== noTimeoutSeconds)
    .map(([field, value]) => `${field} ${JSON.stringify(value)} has no equal in a crontab`);
  const { stdin } = spec.executor.shell ?? {};
  if (stdin && !stdin.endsWith('\n')) lost.push('cron puts a line end behind its standard input');
  if (Object.keys(metadata.labels).length > 0)
    lost.push(`labels ${JSON.stringify(metadata.labels)} have no equal in a crontab`);
  return lost;
}

/** Variables that every job has with one value, where a line `NAME=value` can say it. */
function sharedVariables(jobs: readonly ExportedJob[]): ReadonlyMap<string, string> {
  const shells = jobs.flatMap(({ spec }) => spec.executor.shell ?? []);
  const candidates = Object.entries(shells[0]?.env ?? {}).filter(
    ([name, value]) =>
      name !== 'SHELL' &&
      /^$|^[^\s"'](.*\S)?$/.test(value) &&
      shells.every(({ env }) => env[name] === value) &&
      // Cron starts commands in HOME, so that one must be meant as well.
      (name !== 'HOME' || shells.every(({ workingDirectory }) => workingDirectory === value)),
  );
  return new Map(candidates);
}
