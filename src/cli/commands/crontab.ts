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

/** Commands that read and write crontabs: import, export. */
export function addCrontabCommands(program: Command): void {
  clientCommand(program, 'import')
    .description('make jobs of a crontab; what cannot be carried over is listed line by line')
    .argument('<crontab>', 'a file, or - for standard input (crontab -l | cronmesh import -)')
    .option('--system', 'lines name a user behind the schedule, as in /etc/crontab (default: look at them)')
    .option('--no-system', 'lines name no user')
    .option('--tz <zone>', 'the zone of the machine that it comes from (default: the zone of this one)')
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
  readonly system?: boolean;
  readonly tz?: string;
  readonly dryRun?: true;
}

async function importFile(path: string, options: ImportOptions): Promise<void> {
  const client = clientOf(options);
  const { namespace = 'default', system, tz } = options;
  // A crontab means the local time of its machine: read as UTC, every job would move.
  const local = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const defaultTimeZone = tz ?? (local === 'UTC' ? undefined : local);
  const { importCrontab } = await import('../crontab/import.ts');
  const { manifests, notices } = importCrontab(await read(path), { namespace, system, defaultTimeZone });
  const source = path === '-' ? 'standard input' : path;
  tell(notices.map(({ line, message, text }) => `${source}:${line}: ${printable(message)}: ${printable(text)}`));
  const dropped = notices.filter(notice => notice.dropped).length;
  tell([`${source}: ${counted(manifests.length, 'job')}, ${counted(dropped, 'line')} not imported`]);
  if (manifests.length === 0) throw new CliError(`${source} holds no job that could be imported`, { status: 2 });
  if (options.dryRun) return print(formatList(manifests, 'yaml'));
  await applyDocuments(
    client,
    manifests.map((manifest): Document => {
      return { kind: 'job', origin: source, manifest: { ...manifest }, namespace, name: manifest.metadata.name };
    }),
  );
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
