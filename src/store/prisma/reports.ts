import type { OutputReport, Report } from '../../domain/run/report.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import type { Instant } from '../../domain/time.ts';
import { Prisma } from './client/client.ts';
import type { Database } from './database.ts';
import { foldReports, type RunPatch } from './fold-reports.ts';
import { asJson, recordset } from './recordset.ts';
import { skipInsertion } from './skips.ts';

/**
 * Writes a batch of reports as one statement, and so one transaction and one round trip: runs, output and skips.
 * Reports that were applied before change nothing, in whatever company they come again.
 */
export async function applyReports(
  { prisma }: Database,
  worker: WorkerId,
  reports: readonly Report[],
  now: Instant,
  { archive }: { readonly archive: boolean },
): Promise<void> {
  if (reports.length === 0) return;
  const { runs, lines, skips } = foldReports(reports);
  const parts = [
    ...(runs.length > 0 ? [runUpsert(worker, runs, now)] : []),
    ...(lines.length > 0 ? [lineInsertion(lines)] : []),
    ...(archive && lines.length > 0 ? [archiveUpsert(lines)] : []),
    ...(skips.length > 0 ? [skipInsertion(skips, now)] : []),
  ];
  const named = parts.map((part, i) => Prisma.sql`${Prisma.raw(`part${i}`)} AS (${part})`);
  await prisma.$executeRaw`WITH ${Prisma.join(named, ', ')} SELECT 1`;
}

const lineColumns = {
  run: 'text',
  attempt: 'int',
  sequence: 'int',
  stream: 'text',
  at: 'bigint',
  text: 'text',
} as const;

function lineInsertion(lines: readonly OutputReport[]): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO run_log (run, attempt, sequence, stream, at, text)
    SELECT * FROM ${recordset('line', lineColumns, lines)}
    ON CONFLICT DO NOTHING`;
}

/** What was archived of a run is out of date. By id: two batches with the same runs lock their rows in the same order. */
function archiveUpsert(lines: readonly OutputReport[]): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO run_archive (run, version, first_at, last_at)
    SELECT run, 1, min(at), max(at) FROM ${recordset('line', { run: 'text', at: 'bigint' }, lines)}
    GROUP BY run ORDER BY run
    ON CONFLICT (run) DO UPDATE SET version = run_archive.version + 1,
      first_at = least(run_archive.first_at, excluded.first_at), last_at = greatest(run_archive.last_at, excluded.last_at)`;
}

// How a patch meets the run's row. The same attempt goes forward (Claimed, Running, ended), and its late end settles
// Lost, also while the run waits for its next attempt. A newer attempt takes the row over, but never one that is done
// for good.
const touched = `
  (excluded.attempt = run.attempt AND (run.state IN ('Claimed', 'Running', 'Lost')
    OR (run.retry = 'Waiting' AND run.last_outcome = 'Lost' AND excluded.finished_at IS NOT NULL
      AND excluded.state <> 'Lost')))
  OR (excluded.attempt > run.attempt AND run.state NOT IN ('Succeeded', 'Killed', 'Skipped'))`;
const newer = 'excluded.attempt > run.attempt';
/** A claim with a larger token: the attempt was handed back unstarted, and claimed again. */
const claimed = 'excluded.fencing_token > coalesce(run.fencing_token, 0)';
const ended = 'excluded.finished_at IS NOT NULL';
/** The newest word on its progress: a batch that comes again must not take it back. */
const further = 'excluded.progress_at >= coalesce(run.progress_at, 0)';

const assignments = [
  'attempt = excluded.attempt',
  'reported_at = greatest(run.reported_at, excluded.reported_at)',
  `state = CASE WHEN ${newer} OR ${ended} OR run.state IN ('Pending', 'Claimed') THEN excluded.state ELSE run.state END`,
  `worker = CASE WHEN ${newer} OR ${claimed} THEN excluded.worker ELSE coalesce(run.worker, excluded.worker) END`,
  // Adopted, handed back or tried again elsewhere: what the one before still has to say is kept.
  `former_workers = CASE WHEN (${newer} OR ${claimed}) AND run.worker <> excluded.worker
    THEN array_append(run.former_workers, run.worker) ELSE run.former_workers END`,
  `claimed_at = CASE WHEN ${newer} OR ${claimed} THEN excluded.claimed_at ELSE run.claimed_at END`,
  `fencing_token = CASE WHEN ${newer} OR ${claimed} THEN excluded.fencing_token ELSE run.fencing_token END`,
  `revision = CASE WHEN ${claimed} THEN excluded.revision ELSE coalesce(run.revision, excluded.revision) END`,
  `started_at = CASE WHEN ${newer} THEN excluded.started_at ELSE coalesce(run.started_at, excluded.started_at) END`,
  // Whatever was decided about a further attempt, it is to be decided anew.
  ...['retry', 'last_outcome', 'next_attempt_at'].map(
    column => `${column} = CASE WHEN ${newer} OR ${ended} THEN NULL ELSE run.${column} END`,
  ),
  ...['progress', 'progress_message', 'progress_at'].map(
    column => `${column} = CASE WHEN ${newer} OR ${further} THEN excluded.${column} ELSE run.${column} END`,
  ),
  `reason = CASE WHEN ${newer} THEN NULL ELSE run.reason END`,
  ...['finished_at', 'exit_code', 'signal', 'http_status', 'message'].map(
    column => `${column} = CASE WHEN ${newer} OR ${ended} THEN excluded.${column} ELSE run.${column} END`,
  ),
].join(',\n');

const patchColumns = {
  id: 'text',
  jobUid: 'text',
  namespace: 'text',
  name: 'text',
  trigger: 'text',
  tick: 'bigint',
  seenAt: 'bigint',
  state: 'text',
  attempt: 'int',
  revision: 'int',
  fencingToken: 'bigint',
  claimedAt: 'bigint',
  startedAt: 'bigint',
  finishedAt: 'bigint',
  exitCode: 'int',
  signal: 'text',
  httpStatus: 'int',
  message: 'text',
  progress: 'double precision',
  progressMessage: 'text',
  progressAt: 'bigint',
  particulars: 'text',
} as const;

/** The row of a run that a worker made out of a tick begins with its first report; any other has its particulars. */
const toRow = ({ member, ...patch }: RunPatch) => ({ ...patch, particulars: asJson(member && { member }) });

function runUpsert(worker: WorkerId, runs: readonly RunPatch[], now: Instant): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO run (id, job_uid, namespace, name, trigger, tick, due_at, state, attempt, revision, worker,
      fencing_token, requested_at, claimed_at, started_at, finished_at, reported_at, exit_code, signal, http_status,
      message, progress, progress_message, progress_at, particulars)
    SELECT id, "jobUid", namespace, name, trigger, tick, coalesce(tick, "seenAt"), state, attempt, revision, ${worker},
      "fencingToken", coalesce(tick, "seenAt"), "claimedAt", "startedAt", "finishedAt", ${BigInt(now)}, "exitCode",
      signal, "httpStatus", message, progress, "progressMessage", "progressAt", particulars::json
    FROM ${recordset('patch', patchColumns, runs.map(toRow))}
    ON CONFLICT (id) DO UPDATE SET ${Prisma.raw(assignments)} WHERE ${Prisma.raw(touched)}`;
}
