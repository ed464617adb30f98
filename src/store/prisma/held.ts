import type { Instant } from '../../domain/time.ts';
import { Prisma } from './client/client.ts';

/** For a condition on the rows of `run` (or what they are called): not those whose output waits for the archive. */
export function notHeld(hold: Instant | undefined, runs: 'run' | 'numbered' = 'run'): Prisma.Sql {
  if (hold === undefined) return Prisma.empty;
  const table = Prisma.raw(runs);
  return Prisma.sql`AND (${table}.finished_at < ${BigInt(hold)} OR NOT EXISTS (SELECT FROM run_archive AS waiting
    WHERE waiting.run = ${table}.id AND waiting.archived < waiting.version))`;
}
