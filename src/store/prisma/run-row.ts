import type { JobUid } from '../../domain/job/job.ts';
import {
  type RetriedOutcome,
  type RunId,
  type RunParticulars,
  RunState,
  type SkipReason,
  type TriggerKind,
  type WorkerId,
} from '../../domain/run/run.ts';
import type { PendingRun, Run } from '../store.ts';
import type { Run as RunRow } from './client/client.ts';
import { Prisma } from './client/client.ts';
import { number } from './values.ts';

/** Every column of a run, named as Prisma's model names it. */
export const runColumns = Prisma.raw(
  `run.id, run.job_uid AS "jobUid", run.namespace, run.name, run.trigger, run.tick, run.due_at AS "dueAt", run.state,
   run.attempt, run.revision, run.worker, run.fencing_token AS "fencingToken", run.requested_at AS "requestedAt",
   run.requested_by AS "requestedBy", run.deadline, run.published, run.claimed_at AS "claimedAt",
   run.started_at AS "startedAt", run.finished_at AS "finishedAt", run.reported_at AS "reportedAt",
   run.exit_code AS "exitCode", run.signal, run.http_status AS "httpStatus", run.reason, run.message,
   run.retry, run.last_outcome AS "lastOutcome", run.next_attempt_at AS "nextAttemptAt", run.particulars, run.chain,
   run.upstream, run.progress, run.progress_message AS "progressMessage", run.progress_at AS "progressAt"`,
);

/** A list of states as SQL literals: as parameters they would keep the partial indexes from being used. */
export function stateLiterals(states: readonly RunState[]): Prisma.Sql {
  for (const state of states) if (!Object.hasOwn(RunState, state)) throw new TypeError(`${state} is no state of a run`);
  return Prisma.raw(states.map(state => `'${state}'`).join(', '));
}

export function toRun(row: RunRow): Run {
  return {
    id: row.id as RunId,
    jobUid: row.jobUid as JobUid,
    namespace: row.namespace,
    name: row.name,
    trigger: row.trigger as TriggerKind,
    state: row.state as RunState,
    attempt: row.attempt,
    requestedAt: number(row.requestedAt),
    ...(row.tick !== null && { tick: number(row.tick) }),
    ...(row.revision !== null && { revision: row.revision }),
    ...(row.worker !== null && { worker: row.worker as WorkerId }),
    ...(row.fencingToken !== null && { fencingToken: row.fencingToken.toString() }),
    ...(row.claimedAt !== null && { claimedAt: number(row.claimedAt) }),
    ...(row.startedAt !== null && { startedAt: number(row.startedAt) }),
    ...(row.finishedAt !== null && { finishedAt: number(row.finishedAt) }),
    ...(row.exitCode !== null && { exitCode: row.exitCode }),
    ...(row.signal !== null && { signal: row.signal }),
    ...(row.httpStatus !== null && { httpStatus: row.httpStatus }),
    ...(row.reason !== null && { reason: row.reason as SkipReason }),
    ...(row.message !== null && { message: row.message }),
    ...(row.progress !== null && { progress: row.progress }),
    ...(row.progressMessage !== null && { progressMessage: row.progressMessage }),
    ...(row.progressAt !== null && { progressAt: number(row.progressAt) }),
    ...(row.lastOutcome !== null && { lastOutcome: row.lastOutcome as RetriedOutcome }),
    ...(row.retry !== null && { retryDecided: true as const }),
    ...(row.nextAttemptAt !== null && { nextAttemptAt: number(row.nextAttemptAt) }),
    ...particularsOf(row),
  };
}

function particularsOf(row: RunRow): Pick<Run, 'particulars' | 'chain' | 'upstream'> {
  return {
    ...(row.particulars !== null && { particulars: row.particulars as RunParticulars }),
    ...(row.chain !== null && { chain: row.chain as RunId }),
    ...(row.upstream !== null && { upstream: row.upstream as RunId[] }),
  };
}

/** A row in Pending. Its trigger asks for the attempt after those that were. */
export function toPendingRun(row: RunRow): PendingRun {
  // A further attempt was asked for at its own time, and whatever its run was made for, it waits as a retry.
  const again = row.nextAttemptAt !== null;
  return {
    id: row.id as RunId,
    jobUid: row.jobUid as JobUid,
    namespace: row.namespace,
    name: row.name,
    trigger: again ? 'retry' : (row.trigger as TriggerKind),
    ...(row.tick !== null && { tick: number(row.tick) }),
    revision: row.revision ?? 0,
    requestedAt: number(row.nextAttemptAt ?? row.requestedAt),
    deadline: number(row.deadline ?? row.requestedAt),
    by: again ? `retry after ${row.lastOutcome}` : (row.requestedBy ?? ''),
    dueAt: number(row.dueAt),
    attempt: row.attempt + 1,
    published: row.published,
    ...particularsOf(row),
  };
}
