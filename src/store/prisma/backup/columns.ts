import { CronmeshError, ErrorCode } from '../../../domain/errors.ts';
import { type BackupHeader, type BackupTable, backupTables } from '../../backup.ts';
import type { ScriptConnection } from '../database.ts';

export interface Column {
  readonly name: string;
  /** As PostgreSQL writes it: `text[]`. */
  readonly type: string;
}

export type Columns = Readonly<Record<BackupTable, readonly Column[]>>;

/** The columns that the tables have now, in their order. @throws CronmeshError Conflict where a table is missing */
export async function columnsOf(connection: ScriptConnection): Promise<Columns> {
  const found = await connection.query<Column & { table: string }>(
    `SELECT relname AS table, attname AS name, format_type(atttypid, atttypmod) AS type
     FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
     WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
     ORDER BY relname, attnum`,
  );
  const columns = Map.groupBy(found, one => one.table);
  return Object.fromEntries(
    backupTables.map(table => {
      const some = columns.get(table);
      if (some === undefined) {
        throw new CronmeshError(
          ErrorCode.Conflict,
          `the database has no table ${table}: bring it to this version with \`cronmesh migrate\` first`,
        );
      }
      return [table, some.map(({ name, type }) => ({ name, type }))];
    }),
  ) as unknown as Columns;
}

/** JSON travels as text: `"\u0000"`, which a document may hold, is nothing that the database could take apart. */
export function isJson({ type }: Column): boolean {
  return type === 'json' || type === 'jsonb';
}

/** The columns by name, as a backup's header lists them. */
export function namesOf(columns: Columns): BackupHeader['columns'] {
  const entries = backupTables.map(table => [table, columns[table].map(column => column.name)]);
  return Object.fromEntries(entries) as BackupHeader['columns'];
}
