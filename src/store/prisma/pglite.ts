import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { PrismaPGlite } from 'pglite-prisma-adapter';
import type { Logger } from '../../observability/logger.ts';
import type { Store } from '../store.ts';
import { PrismaClient } from './client/client.ts';
import { lockDirectory } from './data-lock.ts';
import type { Database } from './database.ts';
import { createStore, type StoreOptions } from './prisma-store.ts';

/** Everything waits for the one connection in turn, so a short limit would fail calls that are merely queued. */
const patience = { maxWait: 60_000, timeout: 60_000 };

export interface PgliteOptions extends StoreOptions {
  /** The data folder, made when absent (`<folder>.lock` and `<folder>.new` stand beside it). Without it the database is in memory and ends with the store. */
  readonly directory?: string;
  readonly logger?: Logger;
}

/**
 * Opens the embedded database. Call `migrate()` before anything else.
 *
 * @throws CronmeshError Conflict when a living process has the folder open
 * @example const store = await openPgliteStore({ directory: 'data/db' }); await store.migrate();
 */
export async function openPgliteStore(options: PgliteOptions = {}): Promise<Store> {
  return createStore(await openPgliteDatabase(options), options);
}

/** The engine under openPgliteStore. */
export async function openPgliteDatabase(options: PgliteOptions = {}): Promise<Database> {
  if (options.directory === undefined) return databaseOn(await PGlite.create());
  const directory = resolve(options.directory);
  await mkdir(dirname(directory), { recursive: true });
  const unlock = await lockDirectory(directory, options.logger);
  try {
    return databaseOn(await openDirectory(directory), unlock);
  } catch (error) {
    await unlock();
    throw error;
  }
}

/**
 * Opens the folder, or makes it. PGlite takes a half-made one for whole; so a mark beside it stands from before the
 * first file to after the last, and what a process left behind that was killed in between is made again.
 */
async function openDirectory(directory: string): Promise<PGlite> {
  const mark = `${directory}.new`;
  await mkdir(directory, { recursive: true });
  const found = await readdir(directory);
  if (found.length === 0) await writeFile(mark, '');
  // Its files, not the folder: it may be where a volume is mounted.
  else if (existsSync(mark)) for (const name of found) await rm(join(directory, name), { recursive: true });
  const pglite = await PGlite.create({ dataDir: directory, relaxedDurability: false, startParams: durable() });
  await rm(mark, { force: true });
  return pglite;
}

/**
 * PGlite runs with `-F`, which never syncs, and its file system has no fsync to call; but it opens a file with O_SYNC
 * when asked to. So the log is written through to the disk: what resolved outlives the process and a power cut. The
 * stated limit: data files are written when the operating system likes, and a power cut may come before it does.
 */
function durable(): string[] {
  return [...PGlite.defaultStartParams.filter(one => one !== '-F'), '-c', 'wal_sync_method=open_datasync'];
}

function databaseOn(pglite: PGlite, unlock?: () => Promise<void>): Database {
  const prisma = new PrismaClient({ adapter: new PrismaPGlite(pglite) });
  return {
    engine: 'pglite',
    prisma,
    transaction: work => prisma.$transaction(work, patience),
    scripted: work =>
      pglite.transaction(transaction =>
        work({
          script: async sql => {
            await transaction.exec(sql);
          },
          query: async <Row>(sql: string, values: readonly unknown[] = []) =>
            (await transaction.query<Row>(sql, [...values])).rows,
        }),
      ),
    close: async () => {
      await prisma.$disconnect();
      await pglite.close();
      await unlock?.();
    },
  };
}
