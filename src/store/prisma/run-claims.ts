import type { RunId, RunState, WorkerId } from '../../domain/run/run.ts';
import type { RunClaim } from '../store.ts';
import type { Database } from './database.ts';

interface Row {
  readonly id: string;
  readonly attempt: number;
  readonly state: string;
  readonly worker: string | null;
  readonly token: string | null;
  readonly former: readonly string[] | null;
}

/** Whose the runs are that there are, by their primary key. */
export async function runClaims({ prisma }: Database, ids: readonly RunId[]): Promise<ReadonlyMap<RunId, RunClaim>> {
  if (ids.length === 0) return new Map();
  const rows = await prisma.$queryRaw<Row[]>`
    SELECT id, attempt, state, worker, fencing_token::text AS token, former_workers AS former
    FROM run WHERE id = ANY(${[...ids]}::text[])`;
  return new Map(
    rows.map(({ id, attempt, state, worker, token, former }) => [
      id as RunId,
      {
        attempt,
        state: state as RunState,
        ...(worker !== null && { worker: worker as WorkerId }),
        ...(token !== null && { fencingToken: token }),
        former: (former ?? []) as readonly WorkerId[],
      },
    ]),
  );
}
