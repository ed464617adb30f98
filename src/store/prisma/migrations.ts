import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CronmeshError, ErrorCode } from '../../domain/errors.ts';
import type { Database, ScriptConnection } from './database.ts';

/**
 * Applies prisma/migrations in order of their names and records them as Prisma's own tools do, so that those can be
 * used on the same database. Prisma's migration engine itself is a download, and a start must not need one.
 */

export interface Migration {
  /** The folder's name: a time stamp, then what it does. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the script, in hexadecimal. */
  readonly checksum: string;
}

interface Applied {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished: boolean;
}

/** The same number of folders above this file in src/ (a checkout) and dist/ (the package). */
const folder = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));

/** Prisma's own lock: its tools and this wait for each other. */
const lock = 72707369;

const recordTable = `
CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  "id" VARCHAR(36) PRIMARY KEY NOT NULL,
  "checksum" VARCHAR(64) NOT NULL,
  "finished_at" TIMESTAMPTZ,
  "migration_name" VARCHAR(255) NOT NULL,
  "logs" TEXT,
  "rolled_back_at" TIMESTAMPTZ,
  "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
  "applied_steps_count" INTEGER NOT NULL DEFAULT 0
)`;

/** The migrations that this program brings along, in order. */
export async function readMigrations(from: string = folder): Promise<readonly Migration[]> {
  const entries = await readdir(from, { withFileTypes: true });
  const names = entries.filter(entry => entry.isDirectory()).map(entry => entry.name);
  return Promise.all(
    names.sort().map(async name => {
      const sql = await readFile(join(from, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/**
 * Applies what is missing, all in one transaction, and gives the names of those applied.
 *
 * @throws CronmeshError Conflict when the database's history is neither the beginning of this program's nor one that goes on from it by additions
 */
export async function migrate(database: Database, known: readonly Migration[]): Promise<readonly string[]> {
  return database.scripted(connection => migrateOn(connection, known));
}

/** The same in a transaction that is open. */
export async function migrateOn(connection: ScriptConnection, known: readonly Migration[]): Promise<readonly string[]> {
  await connection.query('SELECT 1 AS held FROM (SELECT pg_advisory_xact_lock($1::bigint)) AS lock', [lock]);
  await connection.script(recordTable);
  const applied = await connection.query<Applied>(
    `SELECT migration_name, checksum, finished_at IS NOT NULL AS finished
     FROM "_prisma_migrations" WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`,
  );
  refuseForeign(applied, known);
  const done = new Set(applied.map(one => one.migration_name));
  const missing = known.filter(one => !done.has(one.name));
  for (const one of missing) await apply(connection, one);
  return missing.map(one => one.name);
}

async function apply(connection: ScriptConnection, migration: Migration): Promise<void> {
  await connection.script(migration.sql);
  await connection.query(
    `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
     VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp(), 1)`,
    [randomUUID(), migration.checksum, migration.name],
  );
}

/**
 * What a database has that this program does not know is a newer program's. Its migrations only add (a test holds it),
 * and this program goes on beside them; but for those named `…_contract`, which take away what older ones read.
 */
function refuseForeign(applied: readonly Applied[], known: readonly Migration[]): void {
  const checksums = new Map(known.map(one => [one.name, one.checksum]));
  const newest = known.at(-1)?.name ?? '';
  const names = new Set(applied.map(one => one.migration_name));
  for (const { migration_name: name, checksum, finished } of applied) {
    const mine = checksums.get(name);
    if (mine === undefined) {
      const behind = known.some(one => !names.has(one.name));
      if (name < newest || behind || /_contract$/.test(name)) {
        throw refusal(`it has the migration ${name}, which this program does not know: run a newer Cronmesh`);
      }
    } else if (checksum !== mine) {
      throw refusal(`its migration ${name} was another one (the checksums differ): is it Cronmesh's own?`);
    }
    if (!finished) {
      throw refusal(`its migration ${name} began and never finished: repair it with Prisma's tools first`);
    }
  }
}

/** Migrations that a newer program applied. */
export async function newerMigrations(database: Database, known: readonly Migration[]): Promise<readonly string[]> {
  const mine = new Set(known.map(one => one.name));
  return database.scripted(async connection => {
    const applied = await connection.query<Pick<Applied, 'migration_name'>>(
      'SELECT migration_name FROM "_prisma_migrations" WHERE rolled_back_at IS NULL ORDER BY migration_name',
    );
    return applied.map(one => one.migration_name).filter(name => !mine.has(name));
  });
}

function refusal(why: string): CronmeshError {
  return new CronmeshError(ErrorCode.Conflict, `the database cannot be used: ${why}`);
}
