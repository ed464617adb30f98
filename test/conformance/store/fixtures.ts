import { randomBytes } from 'node:crypto';
import { type JobUid, makeJobUid } from '../../../src/domain/job/job.ts';
import { type JobSpec, jobSpec } from '../../../src/domain/job/spec.ts';
import type {
  ClaimedReport,
  FinishedReport,
  OutputReport,
  ProgressReport,
  RunReference,
  SkippedReport,
  StartedReport,
} from '../../../src/domain/run/report.ts';
import { type RunId, runJobUid, tickRunId, type WorkerId } from '../../../src/domain/run/run.ts';
import type { JobChange, NewJob, NewRun } from '../../../src/store/store.ts';

/** Makes what the suite stores. Every test has uids and names of its own: they share one database. */

/** A Sunday evening; tests count from it. */
export const start = Date.UTC(2026, 10, 22, 18);
export const minute = 60_000;
export const worker = 'worker-1-k3v9' as WorkerId;

export const newUid = (): JobUid => makeJobUid(randomBytes(16));

/** A name that no other test has. */
export const newName = (stem = 'job'): string => `${stem}-${randomBytes(5).toString('hex')}`;

export function specOf(changes: Partial<JobSpec> = {}): JobSpec {
  return { ...jobSpec.parse({ schedule: '* * * * *', executor: { shell: { command: 'true' } } }), ...changes };
}

export function newJob(changes: Partial<NewJob> = {}): NewJob {
  return {
    uid: newUid(),
    namespace: 'default',
    name: newName(),
    labels: {},
    annotations: {},
    spec: specOf(),
    source: 'api',
    now: start,
    ...changes,
  };
}

/** A change of a job just as it was made, but for `changes`. */
export function changeOf(job: NewJob, changes: Partial<JobChange> = {}): JobChange {
  const { uid, labels, annotations, spec, now } = job;
  return { uid, labels, annotations, spec, revision: 1, floor: now, now: now + minute, ...changes };
}

export function newRun(changes: Partial<NewRun> = {}): NewRun {
  const jobUid = changes.jobUid ?? newUid();
  return {
    id: `${jobUid}-m-${randomBytes(5).toString('hex')}` as RunId,
    jobUid,
    namespace: 'default',
    name: newName(),
    trigger: 'manual',
    revision: 1,
    requestedAt: start,
    deadline: start + 5 * minute,
    by: 'ada via REST',
    ...changes,
  };
}

/** What reports of a tick's run are about. */
export function referenceOf(changes: Partial<RunReference> = {}): RunReference {
  const jobUid = changes.jobUid ?? newUid();
  const tick = changes.tick ?? start;
  return {
    run: tickRunId(jobUid, tick),
    attempt: 1,
    jobUid,
    namespace: 'default',
    name: newName(),
    tick,
    trigger: 'tick',
    ...changes,
  };
}

/** What reports of a run that was asked for are about. */
export function referenceTo(run: NewRun): RunReference {
  const { id, namespace, name, trigger } = run;
  return { run: id, attempt: 1, jobUid: runJobUid(id), namespace, name, trigger };
}

export function claimed(about: RunReference, changes: Partial<ClaimedReport> = {}): ClaimedReport {
  return { ...about, type: 'claimed', at: start + 1, fencingToken: '1099511627777', revision: 1, ...changes };
}

export function started(about: RunReference, changes: Partial<StartedReport> = {}): StartedReport {
  return { ...about, type: 'started', at: start + 2, pid: 4_711, ...changes };
}

export function output(about: RunReference, sequence: number, text: string): OutputReport {
  return { ...about, type: 'output', sequence, stream: 'stdout', at: start + 3 + sequence, text };
}

export function progressed(about: RunReference, percent: number, at: number, message?: string): ProgressReport {
  return { ...about, type: 'progress', at, percent, ...(message !== undefined && { message }) };
}

export function finished(about: RunReference, changes: Partial<FinishedReport> = {}): FinishedReport {
  return { ...about, type: 'finished', at: start + 1_000, outcome: 'Succeeded', exitCode: 0, ...changes };
}

export function skipped(changes: Partial<SkippedReport> = {}): SkippedReport {
  return {
    type: 'skipped',
    jobUid: newUid(),
    namespace: 'default',
    name: newName(),
    from: start,
    to: start + 2 * minute,
    count: 3,
    reason: 'StillRunning',
    detail: 'the run of 18:00 was still going',
    at: start + 3 * minute,
    ...changes,
  };
}
