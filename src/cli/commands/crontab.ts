import { type Command, Option } from 'commander';
import { validateManifest } from '../../domain/job/validate.ts';
import { applyDocuments } from '../apply/apply-documents.ts';
import type { Client } from '../client.ts';
import { action, type ClientOptions, clientCommand, clientOf, jobOf, jobPath, print } from '../command.ts';
import { CliError } from '../errors.ts';
import { type Document, withoutServerFields } from '../manifests/document.ts';
import { read } from '../manifests/files.ts';
import { formatList } from '../output/structured.ts';
import { printable } from '../output/table.ts';
import type { JobView } from '../views.ts';

const schedulers = ['crontab', 'kubernetes', 'dkron', 'cronicle'] as const;

/** Commands that read what other schedulers have, and write crontabs: import, export. */
export function addCrontabCommands(program: Command): void {
  clientCommand(program, 'import')
    .description('make jobs of what another scheduler has; what cannot be carried over is listed line by line')
    .argument('<file>', 'a file, or - for standard input (crontab -l | cronmesh import -)')
    .addOption(
      new Option(
        '--from <scheduler>',
        'what it is: a crontab, CronJobs of batch/v1, Dkron’s /v1/jobs, Cronicle’s export',
      )
        .choices(schedulers)
        .default('crontab'),
    )
    .option(
      '--system',
      'of a crontab: lines name a user behind the schedule, as in /etc/crontab (default: look at them)',
    )
    .option('--no-system', 'of a crontab: lines name no user')
    .option(
      '--tz <zone>',
      'the zone of the machine that it comes from (default: the zone of this one; of kubernetes: UTC)',
    )
    .option('--dry-run', 'print the manifests, and send nothing')
    .action(action(importFile));

  clientCommand(program, 'export')
    .description('print jobs as a crontab, or as manifests')
    .argument('[job...]', 'names, or namespace/name; without any, all of the namespace')
    .option('-A, --all-namespaces', 'of every namespace')
    .addOption(
      new Option('-o, --output <format>', 'what to print').choices(['crontab', 'yaml', 'json']).default('crontab'),
    )
    .action(action(exportJobs));
}

interface ImportOptions extends ClientOptions {
  readonly from: (typeof schedulers)[number];
  readonly system?: boolean;
  readonly tz?: string;
  readonly dryRun?: true;
}

/** What came of a file: manifests, lines to tell, and how many of its jobs gave none. */
interface Imported {
  readonly manifests: readonly { readonly kind?: string | undefined; readonly metadata: NamedIn }[];
  readonly notices: readonly string[];
  readonly dropped: number;
}

interface NamedIn {
  readonly name: string;
  readonly namespace?: string | undefined;
}

async function importFile(path: string, options: ImportOptions): Promise<void> {
  const client = clientOf(options);
  const source = path === '-' ? 'standard input' : path;
  const crontab = options.from === 'crontab';
  const content = await read(path);
  const { manifests, notices, dropped } = await (crontab ? fromCrontab : fromScheduler)(content, source, options);
  tell(notices);
  const jobs = manifests.filter(({ kind }) => kind !== 'Calendar').length;
  tell([`${source}: ${counted(jobs, 'job')}, ${counted(dropped, crontab ? 'line' : 'job')} not imported`]);
  if (jobs === 0) throw new CliError(`${source} holds no job that could be imported`, { status: 2 });
  // A crontab's lines are what they are; a job that was exported and is not here is a failure.
  if (!crontab && dropped > 0) process.exitCode = 1;
  if (options.dryRun) return print(formatList(manifests, 'yaml'));
  await applyDocuments(
    client,
    manifests.map((manifest): Document => {
      const { name, namespace = options.namespace ?? 'default' } = manifest.metadata;
      const kind = manifest.kind === 'Calendar' ? 'calendar' : 'job';
      return { kind, origin: source, manifest: { ...manifest }, namespace, name };
    }),
  );
}

/** A crontab means the local time of its machine: read as UTC, every job would move. */
function zoneOf({ tz }: ImportOptions): string | undefined {
  const local = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return tz ?? (local === 'UTC' ? undefined : local);
}

async function fromCrontab(content: string, source: string, options: ImportOptions): Promise<Imported> {
  const { namespace = 'default', system } = options;
  const { importCrontab } = await import('../crontab/import.ts');
  const { manifests, notices } = importCrontab(content, { namespace, system, defaultTimeZone: zoneOf(options) });
  return {
    manifests,
    notices: notices.map(({ line, message, text }) => `${source}:${line}: ${printable(message)}: ${printable(text)}`),
    dropped: notices.filter(notice => notice.dropped).length,
  };
}

async function fromScheduler(content: string, source: string, options: ImportOptions): Promise<Imported> {
  const { namespace, from, tz } = options;
  const { convert } = await import('../migrate/convert.ts');
  const defaultTimeZone = from === 'kubernetes' ? tz : zoneOf(options);
  const { manifests, notices } = convert(from, content, source, { namespace, defaultTimeZone });
  return {
    manifests,
    notices: notices.map(({ job, message }) => `${source}: ${printable(job)}: ${printable(message)}`),
    dropped: notices.filter(notice => notice.dropped).length,
  };
}

interface ExportOptions extends ClientOptions {
  readonly allNamespaces?: true;
  readonly output: 'crontab' | 'yaml' | 'json';
}

async function exportJobs(names: string[], options: ExportOptions): Promise<void> {
  const jobs = await find(clientOf(options), names, options);
  const manifests = jobs.map(withoutServerFields);
  if (options.output !== 'crontab') return print(formatList(manifests, options.output));
  const { exportCrontab } = await import('../crontab/export.ts');
  const { text, notices } = exportCrontab(manifests.map(manifest => validateManifest(manifest)));
  tell(notices.map(({ job, message }) => `${job}: ${printable(message)}`));
  print(text);
}

async function find(client: Client, names: string[], options: ExportOptions): Promise<JobView[]> {
  if (names.length > 0) {
    return await Promise.all(names.map(name => client.get<JobView>(jobPath(jobOf(name, options)))));
  }
  if (options.allNamespaces) return await client.list<JobView>('/api/v1/jobs');
  const namespace = encodeURIComponent(options.namespace ?? 'default');
  return await client.list<JobView>(`/api/v1/namespaces/${namespace}/jobs`);
}

function tell(lines: readonly string[]): void {
  process.stderr.write(lines.map(line => `${line}\n`).join(''));
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
