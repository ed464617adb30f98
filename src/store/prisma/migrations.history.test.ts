import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type ColumnShape, readPrismaSchema, type TableShape } from '../../../test/support/prisma-schema.ts';
import type { Database } from './database.ts';
import { type Migration, migrate, newerMigrations, readMigrations } from './migrations.ts';
import { openPgliteDatabase } from './pglite.ts';

describe('migrations', () => {
  let database: Database;

  before(async () => {
    database = await openPgliteDatabase();
  });
  after(() => database.close());
  beforeEach(() =>
    database.scripted(connection => connection.script('DROP SCHEMA public CASCADE; CREATE SCHEMA public')),
  );

  const query = <Row>(sql: string) => database.scripted(connection => connection.query<Row>(sql));
  const change = (sql: string) => database.scripted(connection => connection.script(sql));

  it('lead to what schema.prisma says', async () => {
    await migrate(database, await readMigrations());
    const schema = readFileSync(new URL('../../../prisma/schema.prisma', import.meta.url), 'utf8');
    assert.deepEqual(await tablesOf(query), readPrismaSchema(schema));
  });

  it('are recorded as Prisma records them', async () => {
    const known = await readMigrations();
    assert.deepEqual(
      await migrate(database, known),
      known.map(one => one.name),
    );
    const rows = await query<Record<string, unknown>>(
      `SELECT migration_name, checksum, applied_steps_count, rolled_back_at, logs, finished_at >= started_at AS finished,
         length(id) AS id FROM "_prisma_migrations" ORDER BY migration_name`,
    );
    const row = { applied_steps_count: 1, rolled_back_at: null, logs: null, finished: true, id: 36 };
    assert.deepEqual(
      rows,
      known.map(one => ({ migration_name: one.name, checksum: one.checksum, ...row })),
    );
  });

  it('are applied from where the database stands', async () => {
    const [first, second] = [
      made('1_first', 'CREATE TABLE a (x INT)'),
      made('2_second', 'ALTER TABLE a ADD y INT; SELECT 1'),
    ];
    assert.deepEqual(await migrate(database, [first]), ['1_first']);
    assert.deepEqual(await migrate(database, [first, second]), ['2_second']);
    assert.deepEqual(await migrate(database, [first, second]), []);
  });

  it('leave nothing behind when one fails', async () => {
    const [first, second] = [
      made('1_first', 'CREATE TABLE a (x INT)'),
      made('2_second', 'CREATE TABLE b (x INT); SELECT 1/0'),
    ];
    await assert.rejects(migrate(database, [first, second]), /division by zero/);
    assert.deepEqual(Object.keys(await tablesOf(query)), []);
  });

  it('go on beside what a newer program has added, and name it', async () => {
    const [first, second] = [made('1_first', 'SELECT 1'), made('2_second', 'SELECT 2')];
    await migrate(database, [first, second]);
    assert.deepEqual(await migrate(database, [first]), []);
    assert.deepEqual(await newerMigrations(database, [first]), ['2_second']);
    assert.deepEqual(await newerMigrations(database, [first, second]), []);
  });

  it('refuse a database from which a newer program has taken away, or that has another history', async () => {
    const [first, second, third] = [
      made('1_first', 'SELECT 1'),
      made('2_second_contract', 'SELECT 2'),
      made('3_third', 'SELECT 3'),
    ];
    await migrate(database, [first, second]);
    const refused = { code: 'Conflict', message: /2_second_contract.*run a newer Cronmesh/ };
    await assert.rejects(migrate(database, [first]), refused);
    await assert.rejects(migrate(database, [first, third]), refused);
    await change('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    await migrate(database, [first, third]);
    await assert.rejects(migrate(database, [first, made('2_other', 'SELECT 4')]), { message: /3_third/ });
  });

  it('lead from the schema of every release to the same, and keep what is there', async () => {
    const known = await readMigrations();
    await migrate(database, known);
    const whole = await tablesOf(query);
    for (let n = 1; n < known.length; n++) {
      await change('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
      await migrate(database, known.slice(0, n));
      await change(`INSERT INTO run (id, job_uid, namespace, name, trigger, due_at, state, attempt, requested_at, reported_at)
        VALUES ('u-m-1', 'u', 'default', 'a', 'manual', 1, 'Succeeded', 1, 1, 1)`);
      assert.equal((await migrate(database, known)).length, known.length - n);
      assert.deepEqual(await tablesOf(query), whole, `from ${known[n - 1]?.name}`);
      assert.deepEqual(await query('SELECT id, state FROM run'), [{ id: 'u-m-1', state: 'Succeeded' }]);
    }
  });

  it('refuse a database whose migrations were other ones, or never finished', async () => {
    const first = made('1_first', 'SELECT 1');
    await migrate(database, [first]);
    await assert.rejects(migrate(database, [made('1_first', 'SELECT 2')]), {
      code: 'Conflict',
      message: /checksums differ/,
    });
    await change('UPDATE "_prisma_migrations" SET finished_at = NULL');
    await assert.rejects(migrate(database, [first]), { code: 'Conflict', message: /never finished/ });
    await change('UPDATE "_prisma_migrations" SET rolled_back_at = now()');
    assert.deepEqual(await migrate(database, [first]), ['1_first'], 'what was rolled back is applied again');
  });
});

function made(name: string, sql: string): Migration {
  return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
}

type Query = <Row>(sql: string) => Promise<readonly Row[]>;

/** The tables as they are, but for Prisma's own. */
async function tablesOf(query: Query): Promise<Readonly<Record<string, TableShape>>> {
  const columns = await query<ColumnShape & { table: string; name: string }>(
    `SELECT table_name AS table, column_name AS name, data_type AS type, is_nullable = 'YES' AS nullable,
       column_default IS NOT NULL AS filled
     FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_prisma_migrations'`,
  );
  const indexes = await query<{ table: string; index: string }>(
    `SELECT indrelid::regclass::text AS table, indexrelid::regclass::text || ' ' ||
       (SELECT string_agg(attname, ',' ORDER BY place) FROM unnest(indkey::int[]) WITH ORDINALITY AS key (number, place)
        JOIN pg_attribute ON attrelid = indrelid AND attnum = number) AS index
     FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
     WHERE relnamespace = 'public'::regnamespace AND indpred IS NULL`,
  );
  const tables = new Map<string, { columns: Record<string, ColumnShape>; indexes: string[] }>();
  for (const { table, name, ...column } of columns) {
    const shape = tables.get(table) ?? { columns: {}, indexes: [] };
    shape.columns[name] = column;
    tables.set(table, shape);
  }
  for (const { table, index } of indexes) tables.get(table)?.indexes.push(index);
  for (const shape of tables.values()) shape.indexes.sort();
  return Object.fromEntries(tables);
}
