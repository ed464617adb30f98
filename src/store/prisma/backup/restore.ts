import { CronmeshError, ErrorCode } from '../../../domain/errors.ts';
import {
  type BackupHeader,
  type BackupRow,
  type BackupTable,
  backupTables,
  type Restored,
  type RestoreOptions,
} from '../../backup.ts';
import type { Database, ScriptConnection } from '../database.ts';
import { migrateOn, readMigrations } from '../migrations.ts';
import { clear, refuseFilled, rememberFormer } from './clear.ts';
import { type Columns, columnsOf } from './columns.ts';
import { insertion } from './insertion.ts';
import { depose, settle } from './settle.ts';

/** Rows, and characters of JSON, sent in one statement. */
const batch = { rows: 500, characters: 2 * 1024 * 1024 };

/** Ends the transaction of a dry run. */
class Undone extends Error {
  readonly restored: Restored;
  constructor(restored: Restored) {
    super('a dry run');
    this.restored = restored;
  }
}

/** See `BackupStore`. Missing migrations are applied in the same transaction: no master ever sees the tables empty, and takes Consul's jobs for hand-written ones. */
export async function restoreBackup(
  database: Database,
  header: BackupHeader,
  rows: AsyncIterable<BackupRow>,
  options: RestoreOptions,
): Promise<Restored> {
  const migrations = await readMigrations();
  if (!migrations.some(one => one.name === header.schema)) {
    throw new CronmeshError(
      ErrorCode.Conflict,
      `the backup has the schema ${header.schema} of Cronmesh ${header.program}, which this program does not know: restore it with a newer Cronmesh`,
    );
  }
  try {
    return await database.scripted(async connection => {
      const restored = {
        migrations: await migrateOn(connection, migrations),
        ...(await load(connection, header, rows, options)),
      };
      if (options.dryRun) throw new Undone(restored);
      return restored;
    });
  } catch (error) {
    if (error instanceof Undone) return error.restored;
    throw error;
  }
}

async function load(
  connection: ScriptConnection,
  header: BackupHeader,
  rows: AsyncIterable<BackupRow>,
  options: RestoreOptions,
): Promise<Omit<Restored, 'migrations'>> {
  const { now, existing = 'refuse' } = options;
  const mine = await columnsOf(connection);
  requireKnown(header, mine);
  // Whoever else would change jobs, or take in reports, waits.
  await connection.script('LOCK TABLE job, job_spell, run, skip, leader_term IN SHARE ROW EXCLUSIVE MODE');
  await connection.script(`
    CREATE TEMP TABLE restored (uid TEXT COLLATE "C" PRIMARY KEY, job BOOLEAN NOT NULL) ON COMMIT DROP;
    CREATE TEMP TABLE known_spell ON COMMIT DROP AS SELECT DISTINCT uid FROM job_spell WHERE false`);
  if (existing === 'refuse') await refuseFilled(connection);
  await depose(connection, now);
  if (existing === 'replace') await clear(connection, header.namespace);
  else await connection.script('INSERT INTO known_spell SELECT DISTINCT uid FROM job_spell');
  const count = (): Record<BackupTable, number> =>
    Object.fromEntries(backupTables.map(table => [table, 0])) as Record<BackupTable, number>;
  const [written, kept] = [count(), count()];
  let closed = 0;
  for await (const { table, items } of batches(rows)) {
    const sql = insertion(table, header, mine[table], now);
    const [done] = await connection.query<{ written: number; closed: number }>(sql, [`[${items.join(',')}]`]);
    written[table] += Number(done?.written ?? 0);
    kept[table] += items.length - Number(done?.written ?? 0);
    closed += Number(done?.closed ?? 0);
  }
  const unknown = await settle(connection, header, now);
  if (existing === 'replace') await rememberFormer(connection, now);
  return { written, kept, closed, unknown };
}

/** @throws CronmeshError Conflict where rows have columns that this schema lacks */
function requireKnown(header: BackupHeader, mine: Columns): void {
  for (const table of backupTables) {
    const foreign = (header.columns[table] ?? []).find(name => !mine[table].some(column => column.name === name));
    if (foreign === undefined) continue;
    throw new CronmeshError(
      ErrorCode.Conflict,
      `the backup's ${table} has a column ${JSON.stringify(foreign)}, which this program does not know: restore it with Cronmesh ${header.program}`,
    );
  }
}

async function* batches(
  rows: AsyncIterable<BackupRow>,
): AsyncGenerator<{ readonly table: BackupTable; readonly items: readonly string[] }> {
  let table: BackupTable | undefined;
  let items: string[] = [];
  let characters = 0;
  for await (const row of rows) {
    const full = items.length >= batch.rows || characters >= batch.characters;
    if (table !== undefined && items.length > 0 && (full || row.table !== table)) {
      yield { table, items };
      items = [];
      characters = 0;
    }
    table = row.table;
    items.push(row.json);
    characters += row.json.length;
  }
  if (table !== undefined && items.length > 0) yield { table, items };
}
