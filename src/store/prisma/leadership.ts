import { type ArchiveHold, StaleTermError, type Store, type Term } from '../store.ts';
import type { Database, Transaction } from './database.ts';
import { forgetFreezes } from './freezes.ts';
import { notHeld } from './held.ts';
import { number } from './values.ts';

export function leadership(
  database: Database,
): Pick<Store, 'nextTerm' | 'getEpoch' | 'putEpoch' | 'getWalk' | 'saveWalk' | 'retain'> {
  const { prisma } = database;
  return {
    nextTerm: async (role, master) => {
      const [row] = await prisma.$queryRaw<{ term: number }[]>`
        INSERT INTO leader_term (role, term, master) VALUES (${role}, 1, ${master})
        ON CONFLICT (role) DO UPDATE SET term = leader_term.term + 1, master = excluded.master RETURNING term`;
      if (row === undefined) throw new Error(`no term came of the election of ${role}`);
      return { role, term: row.term };
    },

    getEpoch: async () => {
      const row = await prisma.epoch.findUnique({ where: { id: 1 } });
      if (row === null) return undefined;
      return { number: row.number, floor: number(row.floor), beat: number(row.beat), at: number(row.at) };
    },

    putEpoch: (term, epoch) =>
      database.transaction(async transaction => {
        await requireTerm(transaction, term);
        // The high-water mark: what is older than the row changes nothing.
        await transaction.$executeRaw`
          INSERT INTO epoch (id, number, floor, beat, at)
          VALUES (1, ${epoch.number}, ${BigInt(epoch.floor)}, ${BigInt(epoch.beat)}, ${BigInt(epoch.at)})
          ON CONFLICT (id) DO UPDATE SET number = excluded.number, floor = excluded.floor, beat = excluded.beat,
            at = excluded.at
          WHERE (excluded.number, excluded.beat) >= (epoch.number, epoch.beat)`;
      }),

    getWalk: async name => {
      const row = await prisma.walk.findUnique({ where: { name } });
      return row === null ? undefined : { changedAt: number(row.changedAt), id: row.run };
    },

    saveWalk: (term, name, { changedAt, id }) =>
      database.transaction(async transaction => {
        await requireTerm(transaction, term);
        const at = { changedAt: BigInt(changedAt), run: id };
        await transaction.walk.upsert({ where: { name }, create: { name, ...at }, update: at });
      }),

    retain: (term, before, limit, hold) =>
      database.transaction(async transaction => {
        await requireTerm(transaction, term);
        await forgetSpells(transaction, BigInt(before));
        await forgetFreezes(transaction, BigInt(before));
        await transaction.$executeRaw`DELETE FROM backfill WHERE ended_at < ${BigInt(before)}`;
        await transaction.notification.deleteMany({ where: { createdAt: { lt: BigInt(before) } } });
        const skips = await forgetSkips(transaction, BigInt(before), limit);
        const arrivals = await forgetArrivals(transaction, BigInt(before), limit);
        return Math.max(skips, arrivals, await forgetRuns(transaction, BigInt(before), limit, hold));
      }),
  };
}

/**
 * Refuses the transaction when another master has been elected to the role. The row stays locked against elections
 * until the transaction ends: none can come between this look and the commit.
 */
export async function requireTerm(transaction: Transaction, term: Term): Promise<void> {
  const [row] = await transaction.$queryRaw<{ term: number; master: string }[]>`
    SELECT term, master FROM leader_term WHERE role = ${term.role} FOR SHARE`;
  if (row?.term === term.term) return;
  const now = row === undefined ? 'nobody was ever elected' : `${row.master} has term ${row.term}`;
  throw new StaleTermError(`term ${term.term} of the role ${term.role} is over: ${now}`);
}

/** A run that ended before an instant was due before it: the index by due time finds them. */
function forgetRuns(
  transaction: Transaction,
  before: bigint,
  limit: number,
  hold: ArchiveHold | undefined,
): Promise<number> {
  return transaction.$executeRaw`
    WITH gone AS (
      SELECT id FROM run WHERE due_at < ${before} AND finished_at < ${before} AND state <> 'Pending' ${notHeld(hold)} ORDER BY due_at, id LIMIT ${limit}
    ), lines AS (
      DELETE FROM run_log USING gone WHERE run_log.run = gone.id
    ), archived AS (
      DELETE FROM run_archive USING gone WHERE run_archive.run = gone.id
    )
    DELETE FROM run USING gone WHERE run.id = gone.id`;
}

function forgetSkips(transaction: Transaction, before: bigint, limit: number): Promise<number> {
  return transaction.$executeRaw`
    DELETE FROM skip USING (
      SELECT job_uid, last_tick, first_tick, reason FROM skip WHERE last_tick < ${before} ORDER BY last_tick LIMIT ${limit}
    ) AS gone
    WHERE skip.job_uid = gone.job_uid AND skip.last_tick = gone.last_tick AND skip.first_tick = gone.first_tick
      AND skip.reason = gone.reason`;
}

/** What has reached a job and waits for others stays as long as the job does. */
function forgetArrivals(transaction: Transaction, before: bigint, limit: number): Promise<number> {
  return transaction.$executeRaw`
    DELETE FROM arrival USING (
      SELECT job_uid, run FROM arrival
      WHERE ended_at < ${before}
        AND (chained IS NOT NULL OR NOT EXISTS (SELECT FROM job WHERE job.uid = arrival.job_uid))
      ORDER BY ended_at LIMIT ${limit}
    ) AS gone
    WHERE arrival.job_uid = gone.job_uid AND arrival.run = gone.run`;
}

/** Schedules of the past that are accounted to their end. */
async function forgetSpells(transaction: Transaction, before: bigint): Promise<void> {
  await transaction.$executeRaw`DELETE FROM job_spell WHERE until < ${before} AND accounted_until >= until`;
}
