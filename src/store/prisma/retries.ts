import type { Run, Store } from '../store.ts';
import type { Run as RunRow } from './client/client.ts';
import type { Database } from './database.ts';
import { requireTerm } from './leadership.ts';
import { recordset } from './recordset.ts';
import { runColumns, stateLiterals, toRun } from './run-row.ts';

/** How attempts end after which there may be another. */
const retried = stateLiterals(['Failed', 'TimedOut', 'Lost']);

type Retries = Pick<Store, 'undecidedRetries' | 'decideRetries' | 'dueRetries' | 'askForRetries' | 'killWaiting'>;

/**
 * Further attempts. `run.retry` is NULL until the leader decides, then `None` (the outcome is final), or `Waiting` until
 * `next_attempt_at`, then `Due`: from there on the run is a pending one like any other, until a report of the new attempt
 * takes the row over.
 */
export function retries(database: Database): Retries {
  const { prisma } = database;
  return {
    undecidedRetries: async limit => {
      const rows = await prisma.$queryRaw<RunRow[]>`
        SELECT ${runColumns} FROM run WHERE retry IS NULL AND state IN (${retried})
        ORDER BY reported_at, id LIMIT ${limit}`;
      return rows.map(toRun);
    },

    dueRetries: async (until, limit, except = []) => {
      const rows = await prisma.$queryRaw<RunRow[]>`
        SELECT ${runColumns} FROM run WHERE retry = 'Waiting' AND next_attempt_at <= ${BigInt(until)}
          AND namespace <> ALL(${[...except]}::text[])
        ORDER BY next_attempt_at, id LIMIT ${limit}`;
      return rows.map(toRun);
    },

    decideRetries: (term, decisions, now) =>
      database.transaction(async transaction => {
        await requireTerm(transaction, term);
        const columns = { run: 'text', attempt: 'int', outcome: 'text', at: 'bigint' } as const;
        const rows = decisions.map(({ run, at }) => ({ run: run.id, attempt: run.attempt, outcome: run.state, at }));
        // What changed since it was read is decided anew.
        await transaction.$executeRaw`
          UPDATE run SET retry = CASE WHEN decided.at IS NULL THEN 'None' ELSE 'Waiting' END,
            state = CASE WHEN decided.at IS NULL THEN run.state ELSE 'Pending' END,
            last_outcome = CASE WHEN decided.at IS NULL THEN NULL ELSE run.state END,
            next_attempt_at = decided.at,
            reported_at = greatest(run.reported_at, ${BigInt(now)})
          FROM ${recordset('decided', columns, rows)}
          WHERE run.id = decided.run AND run.attempt = decided.attempt AND run.state = decided.outcome
            AND run.retry IS NULL AND run.state IN (${retried})`;
      }),

    askForRetries: (term, { asked, dropped }, now) =>
      database.transaction(async transaction => {
        await requireTerm(transaction, term);
        await transaction.$executeRaw`
          UPDATE run SET retry = 'Due', next_attempt_at = ${BigInt(now)}, deadline = asked.deadline, published = FALSE,
            reported_at = greatest(run.reported_at, ${BigInt(now)})
          FROM ${recordset('asked', { run: 'text', attempt: 'int', deadline: 'bigint' }, asked)}
          WHERE run.id = asked.run AND run.attempt = asked.attempt AND run.retry = 'Waiting'`;
        await transaction.$executeRaw`
          UPDATE run SET state = run.last_outcome, retry = 'None', last_outcome = NULL, next_attempt_at = NULL,
            reason = coalesce(dropped.reason, run.reason), message = coalesce(dropped.message, run.message),
            reported_at = greatest(run.reported_at, ${BigInt(now)})
          FROM ${recordset('dropped', { run: 'text', attempt: 'int', reason: 'text', message: 'text' }, dropped)}
          WHERE run.id = dropped.run AND run.attempt = dropped.attempt AND run.retry = 'Waiting'`;
      }),

    killWaiting: async ({ id, attempt }: Pick<Run, 'id' | 'attempt'>, message, now) => {
      const changed = await prisma.$executeRaw`
        UPDATE run SET state = 'Killed', retry = 'None', last_outcome = NULL, next_attempt_at = NULL,
          message = ${message}, finished_at = ${BigInt(now)}, reported_at = greatest(reported_at, ${BigInt(now)})
        WHERE id = ${id} AND attempt = ${attempt}
          AND (retry = 'Waiting' OR (retry IS NULL AND state IN (${retried})))`;
      return changed === 1;
    },
  };
}
