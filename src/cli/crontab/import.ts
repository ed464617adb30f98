import type { ManifestInput } from '../../domain/job/spec.ts';
import { validateManifest } from '../../domain/job/validate.ts';
import { parseSchedule } from '../../domain/schedule/index.ts';
import { CrontabEnvironment } from './environment.ts';
import { nameOf, UniqueNames } from './names.ts';
import { type CrontabOptions, type JobLine, parseCrontab } from './parse.ts';
import { splitCommand } from './percent.ts';

export interface ImportOptions extends CrontabOptions {
  /** Of the jobs. Without it, manifests name none. */
  readonly namespace?: string | undefined;
  /** The zone of the machine that the crontab comes from: for lines without `CRON_TZ` above them. Default UTC. */
  readonly defaultTimeZone?: string | undefined;
}

/** Something that a crontab says and a job cannot. */
export interface ImportNotice {
  /** Counts from 1. */
  readonly line: number;
  /** The line as it stands in the file. */
  readonly text: string;
  readonly message: string;
  /** Whether the line gave no job, though it is one. */
  readonly dropped: boolean;
}

export interface ImportedCrontab {
  /** Whether it was read in the system format, with a user behind the schedule. */
  readonly system: boolean;
  readonly manifests: readonly ManifestInput[];
  readonly notices: readonly ImportNotice[];
}

/** Carries the comment above a line over. */
export const descriptionAnnotation = 'cronmesh.io/description';
/** Cron never ends a job. This is the longest limit that a job can have. */
export const noTimeoutSeconds = 31_536_000;

/**
 * Turns a crontab into jobs that do the same. Everything that cannot be carried over is a notice of its line.
 * Names come from the commands and stay the same when the file is imported again.
 *
 * @example importCrontab('0 5 * * * /usr/local/bin/backup.sh', { defaultTimeZone: 'Europe/Berlin' })
 */
export function importCrontab(content: string, options: ImportOptions = {}): ImportedCrontab {
  const { system, lines } = parseCrontab(content, options);
  const environment = new CrontabEnvironment(options.defaultTimeZone);
  const names = new UniqueNames();
  const manifests: ManifestInput[] = [];
  const notices: ImportNotice[] = [];
  for (const line of lines) {
    const notice = (message: string, dropped = false): void => {
      notices.push({ line: line.line, text: line.text, message, dropped });
    };
    if (line.kind === 'unreadable') notice(line.message, true);
    else if (line.kind === 'environment') {
      const message = environment.set(line.name, line.value);
      if (message !== undefined) notice(message);
    } else {
      try {
        const manifest = toManifest(line, environment, options.namespace, names);
        manifests.push(manifest);
        for (const message of lossesOf(line)) notice(message);
      } catch (error) {
        notice(`is not imported: ${(error as Error).message}`, true);
      }
    }
  }
  return { system, manifests, notices };
}

/** @throws ScheduleError or CronmeshError for what no job can be */
function toManifest(
  line: JobLine,
  environment: CrontabEnvironment,
  namespace: string | undefined,
  names: UniqueNames,
): ManifestInput {
  const { timeZone, interpreter, workingDirectory, variables } = environment.current();
  const schedule = withoutRandom(line.schedule).replace(/\s+/g, ' ');
  parseSchedule(schedule, { timeZone });
  const manifest: ManifestInput = {
    apiVersion: 'cronmesh.io/v1alpha1',
    kind: 'CronJob',
    metadata: {
      name: 'unnamed',
      ...(namespace !== undefined && { namespace }),
      ...(line.comment !== undefined && { annotations: { [descriptionAnnotation]: line.comment } }),
    },
    spec: {
      schedule,
      ...(timeZone !== undefined && { timeZone }),
      timeoutSeconds: noTimeoutSeconds,
      executor: {
        shell: {
          ...splitCommand(line.command),
          ...(interpreter !== undefined && { interpreter }),
          ...(workingDirectory !== undefined && { workingDirectory }),
          ...(Object.keys(variables).length > 0 && { env: variables }),
        },
      },
    },
  };
  validateManifest(manifest);
  // Only a line that gives a job takes a name.
  const name = names.take(nameOf(line.command), `${line.schedule} ${line.command}`);
  return { ...manifest, metadata: { ...manifest.metadata, name } };
}

/** cronie's `a~b`, a number drawn when cron reads the file, is a hash of the job's name here. */
export function withoutRandom(schedule: string): string {
  return schedule
    .replace(/(?<=^|[\s,])(\d+)~(\d+)(?=$|[\s,/])/g, 'H($1-$2)')
    .replace(/(?<=^|[\s,])~(?=$|[\s,/])/g, 'H');
}

function lossesOf(line: JobLine): string[] {
  const losses: string[] = [];
  if (line.user !== undefined) {
    losses.push(`the user ${line.user} is not carried over: the job runs as its worker's user`);
  }
  if (line.quiet)
    losses.push('the - before the schedule (no entry in syslog) is not carried over: every run is recorded');
  if (withoutRandom(line.schedule) !== line.schedule) {
    losses.push(
      `the random ${line.schedule} becomes ${withoutRandom(line.schedule)}: a time that the job's name decides`,
    );
  }
  return losses;
}
