import type { RunLimit } from '../policy/claiming.ts';
import type { SkipReason } from '../run/run.ts';
import type { Instant } from '../time.ts';
import type { JobSpec } from './spec.ts';

/** Why a job has paused itself: `pauseAfterFailures`, or `maxRuns`. */
export const PauseReason = { Failures: 'Failures', RunLimit: 'RunLimit' } as const;
export type PauseReason = (typeof PauseReason)[keyof typeof PauseReason];

/** A pause stands beside the spec: whoever applies the same spec again does not end it. */
export interface Pause {
  readonly at: Instant;
  readonly reason: PauseReason;
  /** One clause for people: `3 runs in a row failed, the last one k3v9…-mjuw2yo0`. */
  readonly detail: string;
}

/** What of a job, or of a stretch of its life, keeps its ticks from firing. */
export interface Stillable {
  readonly spec: Pick<JobSpec, 'suspend'>;
  readonly paused?: Pause;
}

/** Why no tick of it fires, as a skip tells it; undefined when they do. */
export function stillness({
  spec,
  paused,
}: Stillable): { readonly reason: SkipReason; readonly detail: string } | undefined {
  if (paused !== undefined) {
    return { reason: paused.reason === 'RunLimit' ? 'RunLimit' : 'Suspended', detail: `paused: ${paused.detail}` };
  }
  return spec.suspend ? { reason: 'Suspended', detail: 'the job was suspended' } : undefined;
}

/** The most runs of its ticks; undefined without `maxRuns`. */
export function limitOf({
  spec,
  countsFrom,
  anchor,
}: {
  readonly spec: Pick<JobSpec, 'maxRuns'>;
  readonly countsFrom?: Instant;
  readonly anchor: Instant;
}): RunLimit | undefined {
  return spec.maxRuns === undefined ? undefined : { runs: spec.maxRuns, from: countsFrom ?? anchor };
}

/** Whether it may pause itself. */
export function mayPause({ pauseAfterFailures, maxRuns }: Limits): boolean {
  return pauseAfterFailures !== undefined || maxRuns !== undefined;
}

type Limits = Pick<JobSpec, 'pauseAfterFailures' | 'maxRuns'>;

/** Whether another number of failures or of runs is allowed: a pause ends then, and the counts begin anew. */
export function changesLimits(before: Limits, after: Limits): boolean {
  return before.pauseAfterFailures !== after.pauseAfterFailures || before.maxRuns !== after.maxRuns;
}
