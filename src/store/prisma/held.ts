import type { ArchiveHold } from '../store.ts';
import { Prisma } from './client/client.ts';

/** For a condition on the rows of `run` (or what they are called): not those that are kept for the archive's sake. */
export function notHeld(hold: ArchiveHold | undefined, runs: 'run' | 'numbered' = 'run'): Prisma.Sql {
  if (hold === undefined) return Prisma.empty;
  const table = Prisma.raw(runs);
  return Prisma.sql`AND NOT EXISTS (SELECT FROM run_archive AS held WHERE held.run = ${table}.id
    AND CASE WHEN held.archived < held.version THEN ${table}.finished_at >= ${BigInt(hold.endedSince)}
      ELSE held.archived_at >= ${BigInt(hold.archivedSince)} END)`;
}
