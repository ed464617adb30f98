import { CronmeshError, ErrorCode } from '../../../domain/errors.ts';
import { type BackupOptions, type BackupStore, type BackupTable, backupTables } from '../../backup.ts';
import type { Database } from '../database.ts';
import { type Column, columnsOf, isJson, namesOf } from './columns.ts';

/** Rows fetched at once. */
const page = 500;

/** One snapshot (REPEATABLE READ), read through a cursor for each table: memory holds a page. */
export async function exportBackup(
  database: Database,
  options: BackupOptions,
  sink: Parameters<BackupStore['exportBackup']>[1],
): Promise<void> {
  await database.scripted(async connection => {
    await connection.script('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    const [schema] = await connection.query<{ name: string; at: number }>(
      `SELECT migration_name AS name, floor(extract(epoch FROM now()) * 1000)::float8 AS at FROM "_prisma_migrations"
       WHERE rolled_back_at IS NULL ORDER BY migration_name DESC LIMIT 1`,
    );
    if (schema === undefined) throw new CronmeshError(ErrorCode.NotFound, 'the database is empty: nothing to back up');
    const columns = await columnsOf(connection);
    const { namespace, history = {} } = options;
    await sink.begin({
      cronmesh: 'backup',
      format: 1,
      schema: schema.name,
      at: schema.at,
      ...(namespace !== undefined && { namespace }),
      history: history && {
        ...(history.from !== undefined && { from: history.from }),
        ...(history.to !== undefined && { to: history.to }),
      },
      columns: namesOf(columns),
    });
    for (const table of backupTables) {
      const condition = conditionOf(table, options);
      if (condition === undefined) continue;
      // No parameters in DECLARE: text is quoted, instants are numbers.
      await connection.script(
        `DECLARE backup NO SCROLL CURSOR FOR SELECT row_to_json(line)::text AS json
         FROM (SELECT ${columns[table].map(selected).join(', ')} FROM "${table}" WHERE ${condition}) AS line`,
      );
      for (;;) {
        const rows = await connection.query<{ json: string }>(`FETCH ${page} FROM backup`);
        for (const { json } of rows) await sink.row({ table, json });
        if (rows.length < page) break;
      }
      await connection.script('CLOSE backup');
    }
  });
}

function selected(column: Column): string {
  return isJson(column) ? `"${column.name}"::text AS "${column.name}"` : `"${column.name}"`;
}

/** Which rows of a table belong to the backup; undefined: none. */
function conditionOf(table: BackupTable, { namespace, history = {} }: BackupOptions): string | undefined {
  const name = namespace === undefined ? undefined : `'${namespace.replaceAll("'", "''")}'`;
  const own = name === undefined ? 'true' : `namespace = ${name}`;
  const within = (last: string, first = last): string => {
    const { from, to } = history || {};
    return [own, from !== undefined && `${last} >= ${from}`, to !== undefined && `${first} < ${to}`]
      .filter(Boolean)
      .join(' AND ');
  };
  switch (table) {
    case 'epoch':
    case 'leader_term':
    case 'walk':
      return name === undefined ? 'true' : undefined;
    case 'namespace_freeze':
      return name === undefined ? 'true' : `scope = ${name}`;
    case 'run':
      return history === false ? undefined : within('due_at');
    case 'run_log':
    case 'run_archive':
      return history === false ? undefined : `run IN (SELECT id FROM run WHERE ${within('due_at')})`;
    case 'skip':
      return history === false ? undefined : within('last_tick', 'first_tick');
    case 'backfill':
      return history === false ? undefined : within('requested_at');
    default:
      return own;
  }
}
