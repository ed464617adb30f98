import type {
  ResourceCondition,
  ResourceLastRun,
  ResourceRun,
  ResourceStatus,
} from '../../domain/job/resource-status.ts';

/** A condition that the operator sets. */
export type Condition = ResourceCondition & {
  readonly type: 'Ready' | 'Applied' | 'Suspended' | 'Paused' | 'Served';
  readonly status: 'True' | 'False';
  readonly observedGeneration: number;
};

export type RecentRun = ResourceRun;
export type LastRun = ResourceLastRun;

/** The status as the operator writes it: what the custom resource's schema allows, with what is always there. */
export type CronJobStatus = Omit<ResourceStatus, 'conditions'> & {
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  readonly active: number;
};

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
