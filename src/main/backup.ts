import { join } from 'node:path';
import type { BackupCommandOptions, RestoreCommandOptions } from '../cli/commands/backup.ts';
import { ConfigError, loadConfig } from '../config/load.ts';
import { CronmeshError, ErrorCode } from '../domain/errors.ts';
import { formatInstant } from '../domain/time.ts';
import { createLogger } from '../observability/logger.ts';
import type { BackupTable } from '../store/backup.ts';
import { type BackupCounts, backupRows, checkBackup, writeBackup } from '../store/backup-file.ts';
import { openPgliteStore, openPostgresStore } from '../store/prisma/index.ts';
import type { Store } from '../store/store.ts';
import { dataFolder } from './data-folder.ts';
import { databaseOf } from './master.ts';
import { version } from './runtime.ts';

/** `cronmesh backup`: one snapshot of the database, whoever works on it meanwhile. What was written is told on standard error. */
export async function backup(file: string, options: BackupCommandOptions): Promise<void> {
  const { namespace, history, historyFrom: from, historyTo: to } = options;
  if (!history && (from !== undefined || to !== undefined)) {
    throw new ConfigError('backup: --no-history does not go with --history-from and --history-to');
  }
  await onStore(options, async store => {
    const wanted = { program: version, namespace, history: history && { from, to } };
    const { header, rows } = await named(file, () => writeBackup(store, file, wanted));
    const of = header.namespace === undefined ? '' : ` of the namespace ${header.namespace}`;
    tell(`${file === '-' ? 'standard output' : file}: ${counted(rows)}${of}, as of ${formatInstant(header.at)}`);
  });
}

/** `cronmesh restore`: the file is read whole and checked before the database is touched. */
export async function restore(file: string, options: RestoreCommandOptions): Promise<void> {
  const { header } = await checkBackup(file);
  await onStore(options, async store => {
    const existing = options.replace ? 'replace' : options.skipExisting ? 'skip' : 'refuse';
    const { dryRun } = options;
    const done = await store.restoreBackup(header, backupRows(file), { now: Date.now(), existing, dryRun });
    for (const name of done.migrations) tell(`${dryRun ? 'would apply' : 'applied'} ${name}`);
    tell(
      `${file}: ${dryRun ? 'would restore ' : 'restored '}${counted(done.written)}, as of ${formatInstant(header.at)}`,
    );
    if (Object.values(done.kept).some(count => count > 0)) tell(`there already, and kept: ${counted(done.kept)}`);
    if (done.closed > 0) tell(`${done.closed} runs had not ended when it was made: closed as Lost`);
    if (done.unknown > 0) tell(`${done.unknown} ranges of ticks since are skips now, with the reason Restored`);
  });
}

async function onStore(
  options: BackupCommandOptions | RestoreCommandOptions,
  work: (store: Store) => Promise<void>,
): Promise<void> {
  const role = options.standalone ? 'standalone' : 'master';
  const config = loadConfig(role, { file: options.config, environment: process.env, flags: options.set });
  // Standard output may be the backup's.
  const logger = createLogger({ level: 'fatal', role });
  const store = options.standalone
    ? await openPgliteStore({ directory: join(dataFolder(config.data.directory), 'database'), logger })
    : await openPostgresStore({ ...databaseOf(config), logger });
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

async function named<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (error instanceof CronmeshError || syscall === undefined || code === undefined) throw error;
    throw new CronmeshError(ErrorCode.Unavailable, `${file} can't be written: ${code}`);
  }
}

const words: Partial<Record<BackupTable, string>> = {
  job: 'jobs',
  calendar: 'calendars',
  run: 'runs',
  run_log: 'lines of output',
  skip: 'skips',
};

function counted(rows: BackupCounts): string {
  const found = Object.entries(words).map(([table, what]) => `${rows[table as BackupTable] ?? 0} ${what}`);
  return found.join(', ');
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
