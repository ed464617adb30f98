import type { Store } from '../store.ts';
import type { Database, Transaction } from './database.ts';
import { recordset } from './recordset.ts';
import { number } from './values.ts';

export function outbox(database: Database): Pick<Store, 'pendingPublications' | 'publicationsDone' | 'republishAll'> {
  const { prisma } = database;
  return {
    pendingPublications: async limit => {
      const rows = await prisma.outbox.findMany({ orderBy: { id: 'asc' }, take: limit });
      return rows.map(row => ({ ...row, id: number(row.id) }));
    },

    publicationsDone: async done => {
      if (done.length === 0) return;
      // Locked in the order of names, as `republishAll` does: the other way round the two could wait for one another.
      await prisma.$executeRaw`
        WITH gone AS (
          SELECT outbox.namespace, outbox.name
          FROM outbox, ${recordset('done', { id: 'bigint', namespace: 'text', name: 'text' }, done)}
          WHERE outbox.namespace = done.namespace AND outbox.name = done.name AND outbox.id <= done.id
          ORDER BY outbox.namespace, outbox.name
          FOR UPDATE OF outbox
        )
        DELETE FROM outbox USING gone WHERE outbox.namespace = gone.namespace AND outbox.name = gone.name`;
    },

    republishAll: () => prisma.$executeRaw`
      INSERT INTO outbox (namespace, name) SELECT namespace, name FROM job ORDER BY namespace, name
      ON CONFLICT (namespace, name) DO UPDATE SET id = nextval('outbox_id_seq')`,
  };
}

/**
 * Puts a job into the outbox. The id of a row that is there is drawn after the row was locked: drawn before, a
 * concurrent change of the same job could leave the smaller one behind, and be forgotten with the other.
 */
export async function publish(
  transaction: Transaction,
  job: { readonly namespace: string; readonly name: string },
): Promise<void> {
  await transaction.$executeRaw`
    INSERT INTO outbox (namespace, name) VALUES (${job.namespace}, ${job.name})
    ON CONFLICT (namespace, name) DO UPDATE SET id = nextval('outbox_id_seq')`;
}
