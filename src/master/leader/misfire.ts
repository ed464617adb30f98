import type { JobSpec } from '../../domain/job/spec.ts';
import type { SkipReason } from '../../domain/run/run.ts';
import type { Schedule } from '../../domain/schedule/index.ts';
import type { Instant } from '../../domain/time.ts';
import { lastTicks, splitAfter, type TickRange, without } from './tick-ranges.ts';

/** Why ticks have no run: a fact, and its particulars for people. */
export interface Cause {
  readonly reason: SkipReason;
  readonly detail: string;
}

export type ExplainedRange = TickRange & Cause;

/** Ticks whose time has passed and for which nothing was decided. */
export interface MisfireCase {
  readonly schedule: Schedule;
  /** In order. */
  readonly ranges: readonly TickRange[];
  readonly policy: Pick<JobSpec, 'misfirePolicy' | 'misfireLimit' | 'startingDeadlineSeconds'>;
  /** Whether a run after all is possible: not once the job was edited, suspended or deleted. */
  readonly runnable: boolean;
  /** Ticks at or before it may have been started unseen (Consul lost its past): they are not run after all. */
  readonly certainAfter: Instant;
  /** The newest tick of the job that a worker decided to run: a run of an older one is not the latest. */
  readonly ranUpTo: Instant;
  readonly now: Instant;
  /** Of the same row of missed ticks: how many runs have begun after all, by earlier looks. Default 0. */
  readonly begun?: number;
  /** How many more runs `maxRuns` allows. Default: any number. */
  readonly left?: number;
  /** Cuts a range where what was true of its ticks changes. */
  readonly explain: (range: TickRange) => readonly ExplainedRange[];
}

export interface MisfireDecision {
  /** Ticks that are run after all, oldest first. */
  readonly catchups: readonly Instant[];
  /** All the others. */
  readonly skips: readonly ExplainedRange[];
}

/** How many runs after all a policy allows for one row of missed ticks. */
export const boundOf = ({ misfirePolicy, misfireLimit }: Pick<JobSpec, 'misfirePolicy' | 'misfireLimit'>): number =>
  ({ Skip: 0, RunLatest: 1, RunAll: misfireLimit })[misfirePolicy];

/** Applies the misfire policy. */
export function decideMisfires(misfire: MisfireCase): MisfireDecision {
  const { schedule, ranges, policy, now } = misfire;
  const deadlinePassed = now - policy.startingDeadlineSeconds * 1_000 - 1;
  const allowed = (tick: Instant): boolean =>
    tick > deadlinePassed &&
    tick > misfire.certainAfter &&
    (policy.misfirePolicy !== 'RunLatest' || tick > misfire.ranUpTo);
  const bound = boundOf(policy);
  const most = misfire.runnable ? Math.max(0, bound - (misfire.begun ?? 0)) : 0;
  const catchups = lastTicks(schedule, ranges, Math.min(most, misfire.left ?? most), allowed).reverse();
  const skips = ranges.flatMap(range =>
    without(schedule, range, catchups).flatMap(rest => explainRest(misfire, rest, deadlinePassed)),
  );
  return { catchups, skips };
}

function explainRest(misfire: MisfireCase, range: TickRange, deadlinePassed: Instant): readonly ExplainedRange[] {
  const { schedule, policy, runnable, certainAfter } = misfire;
  if (policy.misfirePolicy === 'Skip' || !runnable) return misfire.explain(range);
  const { before: uncertain, after } = splitAfter(schedule, range, certainAfter);
  const { before: late, after: inTime } = after ? splitAfter(schedule, after, deadlinePassed) : {};
  const because = (part: TickRange | undefined, reason: SkipReason, text: string): ExplainedRange[] =>
    part === undefined ? [] : misfire.explain(part).map(one => ({ ...one, reason, detail: `${text} (${one.detail})` }));
  const left =
    misfire.left !== undefined && misfire.left < (policy.misfirePolicy === 'RunLatest' ? 1 : policy.misfireLimit)
      ? because(inTime, 'RunLimit', 'maxRuns allows no further run')
      : policy.misfirePolicy === 'RunLatest'
        ? because(
            inTime,
            'Superseded',
            misfire.begun ? 'misfirePolicy RunLatest has run one' : 'misfirePolicy RunLatest runs a later one',
          )
        : because(
            inTime,
            'MisfireLimit',
            `misfirePolicy RunAll runs the newest ${policy.misfireLimit} of those found together`,
          );
  return [
    ...(uncertain === undefined ? [] : misfire.explain(uncertain)),
    ...merge(because(late, 'DeadlineExceeded', `found more than ${policy.startingDeadlineSeconds} s after it`)),
    ...merge(left),
  ];
}

/** Joins neighbours with the same reason: they were cut only because their causes differ. */
function merge(ranges: readonly ExplainedRange[]): ExplainedRange[] {
  const merged: ExplainedRange[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last?.reason === range.reason) merged[merged.length - 1] = { ...last, to: range.to };
    else merged.push(range);
  }
  return merged;
}
