import type { Store } from '../store.ts';
import type { Database } from './database.ts';
import { recordset } from './recordset.ts';
import { number } from './values.ts';

/** The embedded coordinator's keys. One statement a change: it is on the path of every claim. */
export function coordinationKeys(database: Database): Pick<Store, 'loadKeys' | 'saveKeys'> {
  const { prisma } = database;
  return {
    loadKeys: async () => {
      const rows = await prisma.coordinationKey.findMany({ orderBy: { key: 'asc' } });
      return rows.map(row => ({ ...row, index: number(row.index) }));
    },

    saveKeys: async changes => {
      if (changes.length === 0) return;
      // The last change of a key counts: one statement cannot touch a row twice.
      const last = [...new Map(changes.map(change => [change.key, change])).values()];
      await prisma.$executeRaw`
        WITH change AS (
          SELECT * FROM ${recordset('change', { key: 'text', value: 'text', index: 'bigint' }, last)}
        ), deleted AS (
          DELETE FROM coordination_key USING change WHERE coordination_key.key = change.key AND change.value IS NULL
        )
        INSERT INTO coordination_key (key, value, index)
        SELECT key, value, index FROM change WHERE value IS NOT NULL
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, index = excluded.index`;
    },
  };
}
