import { createHash } from 'node:crypto';
import type { StartRequest } from '../../supervisor/protocol.ts';

/** What a Job and its pods carry, so that they are found again by anybody: keys of labels and annotations. */
export const labelKeys = {
  managedBy: 'app.kubernetes.io/managed-by',
  jobUid: 'cronmesh.io/job-uid',
  run: 'cronmesh.io/run',
  attempt: 'cronmesh.io/attempt',
  job: 'cronmesh.io/job',
} as const;

export const annotationKeys = {
  tick: 'cronmesh.io/tick',
  job: 'cronmesh.io/job',
  /** How far a worker that let go of the Job had passed its output on: see position.ts. */
  output: 'cronmesh.io/output',
} as const;

export const manager = 'cronmesh';
/** Everything that workers have made in a namespace. */
export const managedSelector = `${labelKeys.managedBy}=${manager}`;

type Attempt = Pick<StartRequest, 'job' | 'run' | 'attempt'>;

/** Of a DNS label. */
const longest = 63;
const hashLength = 12;

/**
 * The name of an attempt's Job: the same whoever computes it, so that a second one cannot be made.
 *
 * @example jobNameOf({ job: { name: 'reports.daily', … }, run: 'k3v9…-mjuw2yo0', attempt: 1 }) // 'reports-daily-5k1c0q9z3x7d'
 */
export function jobNameOf({ job, run, attempt }: Attempt): string {
  const digest = createHash('sha256').update(`${run}#${attempt}`).digest();
  const hash = digest.readBigUInt64BE().toString(36).padStart(13, '0').slice(-hashLength);
  const readable = job.name
    .replaceAll('.', '-')
    .slice(0, longest - hashLength - 1)
    .replace(/-+$/, '');
  return `${readable}-${hash}`;
}

const fitsLabel = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

export function labelsOf({ job, run, attempt }: Attempt): Record<string, string> {
  return {
    [labelKeys.managedBy]: manager,
    [labelKeys.jobUid]: job.uid,
    [labelKeys.run]: run,
    [labelKeys.attempt]: String(attempt),
    ...(fitsLabel.test(job.name) && { [labelKeys.job]: job.name }),
  };
}

/** Selects what belongs to one attempt. */
export function attemptSelector({ run, attempt }: Pick<Attempt, 'run' | 'attempt'>): string {
  return `${managedSelector},${labelKeys.run}=${run},${labelKeys.attempt}=${attempt}`;
}

/** Whether an object belongs to this very attempt. */
export function belongsTo(labels: Readonly<Record<string, string>> | undefined, attempt: Attempt): boolean {
  return (
    labels?.[labelKeys.managedBy] === manager &&
    labels[labelKeys.run] === attempt.run &&
    labels[labelKeys.attempt] === String(attempt.attempt)
  );
}

export const jobsPath = (namespace: string): string => `/apis/batch/v1/namespaces/${namespace}/jobs`;
export const podsPath = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
