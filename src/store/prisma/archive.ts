import type { RunId } from '../../domain/run/run.ts';
import type { AwaitingArchive, Store } from '../store.ts';
import type { Database } from './database.ts';
import { requireTerm } from './leadership.ts';
import { number } from './values.ts';

interface Row {
  readonly run: string;
  readonly version: number;
  readonly namespace: string;
  readonly name: string;
  readonly finishedAt: bigint;
  readonly firstAt: bigint;
  readonly lastAt: bigint;
}

/** Which runs' output is in the archive, and which waits for it. Their rows are written with the lines: `reports.ts`. */
export function outputArchive(
  database: Database,
  enabled: boolean,
): Pick<Store, 'archivedOutput' | 'awaitingArchive' | 'noteArchived'> {
  const { prisma } = database;
  return {
    archivedOutput: async id => {
      const row = await prisma.runArchive.findUnique({ where: { run: id } });
      if (row === null || row.archived === 0) return undefined;
      return { firstAt: number(row.firstAt), lastAt: number(row.lastAt) };
    },

    awaitingArchive: async limit => {
      if (!enabled) return [];
      const rows = await prisma.$queryRaw<Row[]>`
        SELECT run_archive.run, run_archive.version, run.namespace, run.name, run.finished_at AS "finishedAt",
          run_archive.first_at AS "firstAt", run_archive.last_at AS "lastAt"
        FROM run_archive JOIN run ON run.id = run_archive.run
        WHERE run_archive.archived < run_archive.version AND run.finished_at IS NOT NULL
        ORDER BY run_archive.last_at, run_archive.run LIMIT ${limit}`;
      return rows.map(toAwaiting);
    },

    noteArchived: (term, done, now) =>
      database.transaction(async transaction => {
        await requireTerm(transaction, term);
        const [runs, versions] = [done.map(one => one.run), done.map(one => one.version)];
        await transaction.$executeRaw`
          UPDATE run_archive SET archived = greatest(archived, done.version), archived_at = ${BigInt(now)}
          FROM unnest(${runs}::text[], ${versions}::int[]) AS done (run, version) WHERE run_archive.run = done.run`;
      }),
  };
}

function toAwaiting(row: Row): AwaitingArchive {
  return {
    run: row.run as RunId,
    version: row.version,
    namespace: row.namespace,
    name: row.name,
    finishedAt: number(row.finishedAt),
    firstAt: number(row.firstAt),
    lastAt: number(row.lastAt),
  };
}
