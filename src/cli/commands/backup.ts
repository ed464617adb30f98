import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { parseInstant } from '../../domain/schedule/instants.ts';
import type { Instant } from '../../domain/time.ts';

interface DatabaseOptions {
  readonly config?: string;
  readonly set?: readonly string[];
  /** The embedded database of a standalone that does not run. */
  readonly standalone?: true;
}

export interface BackupCommandOptions extends DatabaseOptions {
  readonly namespace?: string;
  readonly historyFrom?: Instant;
  readonly historyTo?: Instant;
  /** False with --no-history. */
  readonly history: boolean;
}

export interface RestoreCommandOptions extends DatabaseOptions {
  readonly dryRun?: true;
  readonly replace?: true;
  readonly skipExisting?: true;
}

/** The work itself; both report their own errors. */
export interface BackupPrograms {
  readonly backup: (file: string, options: BackupCommandOptions) => Promise<void>;
  readonly restore: (file: string, options: RestoreCommandOptions) => Promise<void>;
}

/** Adds `backup` and `restore`, which work on the database itself: no server is asked. */
export function addBackupCommands(
  program: Command,
  gather: (value: string, before?: readonly string[]) => readonly string[],
  { backup, restore }: BackupPrograms,
): void {
  const onDatabase = (name: string): Command =>
    program
      .command(name)
      .option('-c, --config <file>', 'settings of a master as YAML; database.url (DATABASE_URL) is what counts')
      .option('--set <setting=value>', 'one setting, stronger than file and environment; as often as needed', gather)
      .option('--standalone', 'the embedded database in data.directory, of a standalone that is stopped');

  onDatabase('backup')
    .description('write jobs, calendars and history of a database to a file')
    .argument('[file]', 'compressed where it ends in .gz; - is standard output', '-')
    .option('-n, --namespace <name>', 'only what belongs to it')
    .option('--history-from <instant>', 'runs and skips from then on (RFC 3339)', instant)
    .option('--history-to <instant>', 'runs and skips before it (RFC 3339)', instant)
    .option('--no-history', 'no runs, output and skips')
    .action(backup);

  onDatabase('restore')
    .description('take a backup into a database; into an empty one, unless told otherwise')
    .argument('<file>', 'as backup wrote it')
    .option('--dry-run', 'do it all, and undo it: tells what would be written')
    .option('--replace', 'delete what is there first (of a backup of one namespace: that namespace)')
    .addOption(new Option('--skip-existing', 'keep what is there, and add what is missing').conflicts('replace'))
    .action(restore);
}

function instant(value: string): Instant {
  const parsed = parseInstant(value);
  if (parsed !== undefined) return parsed;
  throw new InvalidArgumentError('must be an instant as RFC 3339, such as 2026-11-01T00:00:00Z.');
}
