import type { Instant } from '../../domain/time.ts';
import type { Skip } from '../store.ts';
import type { PrismaClient } from './client/client.ts';
import { Prisma } from './client/client.ts';
import type { Transaction } from './database.ts';
import { recordset } from './recordset.ts';

const columns = {
  jobUid: 'text',
  namespace: 'text',
  name: 'text',
  from: 'bigint',
  to: 'bigint',
  count: 'int',
  reason: 'text',
  detail: 'text',
} as const;

/** The statement that records skips; the same range for the same reason is one record. */
export function skipInsertion(skips: readonly Omit<Skip, 'recordedAt'>[], now: Instant): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO skip (job_uid, namespace, name, first_tick, last_tick, count, reason, detail, recorded_at)
    SELECT "jobUid", namespace, name, "from", "to", count, reason, detail, ${BigInt(now)}
    FROM ${recordset('skipped', columns, skips)}
    ORDER BY "jobUid", "to", "from", reason
    ON CONFLICT DO NOTHING`;
}

export async function insertSkips(
  on: PrismaClient | Transaction,
  skips: readonly Omit<Skip, 'recordedAt'>[],
  now: Instant,
): Promise<void> {
  if (skips.length > 0) await on.$executeRaw(skipInsertion(skips, now));
}
