import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { PrismaPGlite } from 'pglite-prisma-adapter';
import type { Logger } from '../../observability/logger.ts';
import type { Store } from '../store.ts';
import { PrismaClient } from './client/client.ts';
import { lockDirectory } from './data-lock.ts';
import type { Database } from './database.ts';
import { createStore } from './prisma-store.ts';

/** Everything waits for the one connection in turn, so a short limit would fail calls that are merely queued. */
const patience = { maxWait: 60_000, timeout: 60_000 };

export interface PgliteOptions {
  /** The data folder, made when absent. Without it the database is in memory and ends with the store. */
  readonly directory?: string;
  readonly logger?: Logger;
}

/**
 * Opens the embedded database. Call `migrate()` before anything else.
 *
 * @throws CronmeshError Conflict when another living process has the folder open
 * @example const store = await openPgliteStore({ directory: 'data/db' }); await store.migrate();
 */
export async function openPgliteStore(options: PgliteOptions = {}): Promise<Store> {
  const directory = options.directory === undefined ? undefined : resolve(options.directory);
  if (directory !== undefined) await mkdir(directory, { recursive: true });
  const unlock = directory === undefined ? undefined : await lockDirectory(directory, options.logger);
  try {
    // Not relaxed: a write resolves when its log record has left this process, so that kill -9 takes nothing back.
    const pglite = await PGlite.create({ ...(directory && { dataDir: directory }), relaxedDurability: false });
    return createStore(pgliteDatabase(pglite, unlock));
  } catch (error) {
    await unlock?.();
    throw error;
  }
}

function pgliteDatabase(pglite: PGlite, unlock: (() => Promise<void>) | undefined): Database {
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
