import type { RunId, RunState } from '../../domain/run/run.ts';

/** What Kubernetes' own conventions say a condition is. Instants are RFC 3339. */
export interface Condition {
  readonly type: 'Ready' | 'Applied' | 'Suspended';
  readonly status: 'True' | 'False';
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

/** A run that ended, in the list of the newest. */
export interface RecentRun {
  readonly id: RunId;
  readonly state: RunState;
  readonly tick?: string;
  readonly finishedAt?: string;
}

/** The newest run. */
export interface LastRun extends RecentRun {
  readonly startedAt?: string;
  readonly message?: string;
}

/** The status subresource of a CronJob. */
export interface CronJobStatus {
  /** The generation that was judged last. */
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  readonly jobUid?: string;
  readonly revision?: number;
  /** Runs that are Pending, Claimed or Running. */
  readonly active: number;
  /** The last tick that has a run. */
  readonly lastScheduleTime?: string;
  readonly lastSuccessfulTime?: string;
  readonly lastRun?: LastRun;
  readonly recentRuns?: readonly RecentRun[];
  readonly nextScheduleTime?: string;
}

/** Every field, so that a merge patch can remove what is no longer so. */
export const statusFields = [
  'observedGeneration',
  'conditions',
  'jobUid',
  'revision',
  'active',
  'lastScheduleTime',
  'lastSuccessfulTime',
  'lastRun',
  'recentRuns',
  'nextScheduleTime',
] as const satisfies readonly (keyof CronJobStatus)[];
