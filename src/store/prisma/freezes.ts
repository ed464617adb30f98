import type { Freeze } from '../../domain/policy/freeze.ts';
import type { Store } from '../store.ts';
import type { Freeze as FreezeRow } from './client/client.ts';
import type { Database, Transaction } from './database.ts';
import { recordset } from './recordset.ts';
import { number } from './values.ts';

export function freezes(database: Database): Pick<Store, 'freeze' | 'thaw' | 'listFreezes' | 'freezesPublished'> {
  const { prisma } = database;
  return {
    freeze: ({ scope, now, until, by, reason }) =>
      database.transaction(async transaction => {
        const standing = await inForce(transaction, scope, now);
        const end = until === undefined ? null : BigInt(until);
        const where = { scope_since: { scope, since: standing?.since ?? BigInt(now) } };
        const row = await transaction.freeze.upsert({
          where,
          create: { scope, since: BigInt(now), until: end, by, reason },
          update: { until: end, by, reason, endedAt: null },
        });
        return toFreeze(row);
      }),

    thaw: (scope, now) =>
      database.transaction(async transaction => {
        const standing = await inForce(transaction, scope, now);
        if (standing === undefined) return undefined;
        const { since } = standing;
        const where = { scope_since: { scope, since } };
        // At once after it was frozen: it ends no earlier than it began.
        const endedAt = BigInt(Math.max(now, number(since)));
        return toFreeze(await transaction.freeze.update({ where, data: { endedAt } }));
      }),

    listFreezes: async () => {
      const rows = await prisma.freeze.findMany({ orderBy: [{ since: 'asc' }, { scope: 'asc' }] });
      return rows.map(toFreeze);
    },

    freezesPublished: async (published, now) => {
      if (published.length === 0) return;
      await prisma.$executeRaw`
        UPDATE namespace_freeze AS standing SET published_at = ${BigInt(now)}
        FROM ${recordset('told', { scope: 'text', since: 'bigint' }, published)}
        WHERE standing.scope = told.scope AND standing.since = told.since AND standing.published_at IS NULL`;
    },
  };
}

/** The one of a scope that stands; nobody else changes freezes until the transaction ends. */
async function inForce(transaction: Transaction, scope: string, now: number): Promise<FreezeRow | undefined> {
  await transaction.$executeRaw`LOCK TABLE namespace_freeze IN SHARE ROW EXCLUSIVE MODE`;
  const rows = await transaction.freeze.findMany({
    where: { scope, endedAt: null, OR: [{ until: null }, { until: { gt: BigInt(now) } }] },
    orderBy: { since: 'desc' },
    take: 1,
  });
  return rows[0];
}

function toFreeze({ scope, since, until, by, reason, endedAt, publishedAt }: FreezeRow): Freeze {
  return {
    scope,
    since: number(since),
    by,
    reason,
    ...(until !== null && { until: number(until) }),
    ...(endedAt !== null && { endedAt: number(endedAt) }),
    ...(publishedAt !== null && { publishedAt: number(publishedAt) }),
  };
}

/** Freezes that were over before an instant. */
export async function forgetFreezes(transaction: Transaction, before: bigint): Promise<void> {
  await transaction.$executeRaw`DELETE FROM namespace_freeze WHERE least(ended_at, until) < ${before}`;
}
