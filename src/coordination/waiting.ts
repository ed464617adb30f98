import type { JobUid } from '../domain/job/job.ts';
import { placeOf } from '../domain/policy/turn.ts';
import { isBackfillRun } from '../domain/run/run.ts';
import type { Instant } from '../domain/time.ts';
import type { CursorRecord, TriggerRecord } from './records.ts';

/** Of a job's present form what decides whether its triggers may still be started. */
export interface TriggeredJob {
  readonly uid: JobUid;
  readonly suspended: boolean;
  readonly floor: Instant;
}

/**
 * Whether a trigger waits to be started at all: past its deadline, replaced, of an older epoch, of another job of the name,
 * or fired by a schedule that is no longer in force, it is the leader's. An adoption starts nothing.
 */
export function mayStart(record: TriggerRecord, job: TriggeredJob, epoch: number, now: Instant): boolean {
  if (record.adopts !== undefined || record.replacedBy !== undefined || record.jobUid !== job.uid) return false;
  if (record.epoch !== epoch || now > record.deadline) return false;
  // Suspending, or a new schedule, fires nothing of the past: nor what waited meanwhile.
  const fromSchedule = record.kind === 'tick' || record.kind === 'catchup';
  return !fromSchedule || !(job.suspended || (record.tick !== undefined && record.tick <= job.floor));
}

/**
 * Whether a later tick of the job was decided as a run: with Replace the trigger is then never started. What a backfill
 * asks for is of the past, and wants to run all the same.
 */
export function isOutrun(record: TriggerRecord, cursor: CursorRecord | undefined): boolean {
  if (isBackfillRun(record.run) || cursor === undefined || cursor.uid !== record.jobUid) return false;
  return cursor.decision !== 'skip' && cursor.tick > placeOf(record);
}
