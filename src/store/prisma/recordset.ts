import { Prisma } from './client/client.ts';

type ColumnType = 'text' | 'int' | 'bigint' | 'double precision';

/**
 * Rows as a table of a FROM clause: one parameter, and a statement of one shape, for any number of rows. Only the
 * columns named are sent; absent values are NULL.
 *
 * @example Prisma.sql`DELETE FROM run USING ${recordset('gone', { id: 'text' }, runs)} WHERE run.id = gone.id`
 */
export function recordset<Column extends string>(
  alias: string,
  columns: Readonly<Record<Column, ColumnType>>,
  rows: readonly { readonly [name in NoInfer<Column>]?: string | number | undefined }[],
): Prisma.Sql {
  const names = Object.keys(columns) as Column[];
  const sent = rows.map(row => Object.fromEntries(names.map(name => [name, storable(row[name])])));
  const definitions = names.map(name => `"${name}" ${columns[name]}`).join(', ');
  return Prisma.sql`json_to_recordset(${JSON.stringify(sent)}::json) AS ${Prisma.raw(`${alias} (${definitions})`)}`;
}

/** Text as PostgreSQL can hold it: a process may print NUL bytes, and half of a surrogate pair. */
function storable(value: string | number | undefined): string | number | undefined {
  if (typeof value !== 'string') return value;
  return (value.isWellFormed() ? value : value.toWellFormed()).replaceAll('\0', '\uFFFD');
}

/** A value for a column that is cast `::json`. */
export function asJson(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}
