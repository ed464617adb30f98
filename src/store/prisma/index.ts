import type { Store } from '../store.ts';
import type { PgliteOptions } from './pglite.ts';
import type { PostgresOptions } from './postgres.ts';

export type { PgliteOptions, PostgresOptions };

/** As in pglite.ts. Each engine is loaded when it is opened: a master never loads the embedded database. */
export async function openPgliteStore(options: PgliteOptions = {}): Promise<Store> {
  return (await import('./pglite.ts')).openPgliteStore(options);
}

/** As in postgres.ts. */
export async function openPostgresStore(options: PostgresOptions): Promise<Store> {
  return (await import('./postgres.ts')).openPostgresStore(options);
}
