import type { Instant, Milliseconds } from '../time.ts';
import { endOf, type Freeze, freezeAt } from './freeze.ts';
import { timing } from './timing.ts';

/** What is known of a job's past when one of its ticks is judged. */
export interface TickBounds {
  /** The job's floor. */
  readonly floor: Instant;
  /** The epoch's floor. */
  readonly epochFloor: Instant;
  /** The last tick decided; undefined when none was. */
  readonly decided: Instant | undefined;
  /**
   * The claimer has just started, or was cut off, and has seen Consul only since then: ticks at or before it may have
   * been claimed in a past that was lost, and nothing would show it.
   */
  readonly since?: Instant;
  /** Freezes of the job's namespace and of everything. */
  readonly freezes?: readonly Freeze[];
  /** Runs decided so far, for jobs with `maxRuns`. */
  readonly counted?: Counted | undefined;
}

/** Runs decided for a job's ticks, as its cursor counts them. */
export interface Counted {
  /** The job's `countsFrom` when they were counted: of another one they say nothing. */
  readonly from: Instant;
  readonly runs: number;
}

/** At most so many runs of ticks after an instant: `maxRuns`. */
export interface RunLimit {
  readonly runs: number;
  readonly from: Instant;
}

/** How many more runs a limit allows, at least 0; without a limit any number. */
export function runsLeft(limit: RunLimit | undefined, counted: Counted | undefined): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(0, limit.runs - (counted?.from === limit.from ? counted.runs : 0));
}

/**
 * What a cursor that is moved has to carry: the runs counted so far and those that are decided with it. Nothing for a
 * job without a limit.
 */
export function countedWith(
  limit: RunLimit | undefined,
  counted: Counted | undefined,
  decided: number,
): { readonly counted?: Counted } {
  if (limit === undefined) return {};
  const before = counted?.from === limit.from ? counted.runs : 0;
  return { counted: { from: limit.from, runs: before + decided } };
}

/** Ticks from the first to the last of them, both included. */
export interface TickRange {
  readonly from: Instant;
  readonly to: Instant;
}

/** Of a schedule only what this module asks. */
export interface TickSource {
  next(after: Instant): Instant | undefined;
  previous(before: Instant): Instant | undefined;
}

/** Why a tick is not claimed live. */
export type Refusal = 'decided' | 'floor' | 'unseen' | 'early' | 'late' | 'suspended' | 'limit' | 'frozen';

/** Ticks at or before this instant are no longer a claimer's business: decided, or never to fire live. */
export function baseOf(bounds: TickBounds): Instant {
  return Math.max(bounds.floor, bounds.epochFloor, bounds.decided ?? Number.NEGATIVE_INFINITY);
}

/**
 * Whether a tick may be claimed live now: undefined when it may, else why not. `deadline` is the job's
 * startingDeadlineSeconds: shorter than the live window, it counts instead.
 */
export function refusalOf(
  tick: Instant,
  now: Instant,
  bounds: TickBounds,
  job: { readonly suspended: boolean; readonly deadline: Milliseconds; readonly limit?: RunLimit | undefined },
): Refusal | undefined {
  if (bounds.decided !== undefined && tick <= bounds.decided) return 'decided';
  if (tick <= bounds.floor || tick <= bounds.epochFloor) return 'floor';
  if (bounds.since !== undefined && tick <= bounds.since) return 'unseen';
  if (job.suspended) return 'suspended';
  if (bounds.freezes !== undefined && freezeAt(bounds.freezes, tick) !== undefined) return 'frozen';
  if (runsLeft(job.limit, bounds.counted) === 0) return 'limit';
  if (now < tick) return 'early';
  if (now - tick > Math.min(timing.liveWindow, job.deadline)) return 'late';
  return undefined;
}

/** The first tick after an instant that lies in no freeze. */
export function nextThawed(schedule: TickSource, after: Instant, freezes: readonly Freeze[]): Instant | undefined {
  let tick = schedule.next(after);
  while (tick !== undefined) {
    const freeze = freezeAt(freezes, tick);
    if (freeze === undefined) return tick;
    const end = endOf(freeze);
    tick = Number.isFinite(end) ? schedule.next(end - 1) : undefined;
  }
  return undefined;
}

/** The ticks strictly between two instants, as a range; undefined when there are none. */
export function ticksBetween(schedule: TickSource, after: Instant, before: Instant): TickRange | undefined {
  const from = schedule.next(after);
  if (from === undefined || from >= before) return undefined;
  return { from, to: schedule.previous(before) ?? from };
}

/**
 * The gaps of a cursor that moves to `tick`: those it had, and the undecided ticks that it jumps. Undefined when that
 * would be more than `most` gaps: the tick is then left to the leader, who empties them.
 */
export function gapsAt(
  tick: Instant,
  schedule: TickSource,
  bounds: TickBounds,
  gaps: readonly TickRange[],
  most: number,
): readonly TickRange[] | undefined {
  const jumped = ticksBetween(schedule, baseOf(bounds), tick);
  if (jumped === undefined) return gaps;
  return gaps.length < most ? [...gaps, jumped] : undefined;
}

/**
 * The ticks that passed while a `Forbid` run held its slot, from after `since` (when the slot was taken) up to `until`
 * (when the run ended): they are skipped. Older undecided ones are not: the move leaves them as a gap.
 */
export function ticksHeldUp(
  schedule: TickSource,
  bounds: TickBounds,
  since: Instant,
  until: Instant,
): TickRange | undefined {
  return ticksBetween(schedule, Math.max(baseOf(bounds), since), until + 1);
}

/** The lowest slot below `limit` that is neither held by anyone nor asked for by this worker. */
export function freeSlot(limit: number, taken: (slot: number) => boolean): number | undefined {
  for (let slot = 0; slot < limit; slot++) if (!taken(slot)) return slot;
  return undefined;
}

/**
 * When a rank looks at a tick that nobody has decided: rank 0 at once, the others later, and later still the more ticks
 * are due in that second, so that a herd's owner is given its time.
 */
export function lookAt(tick: Instant, rank: number, dueInSecond: number): Instant {
  if (rank === 0) return tick;
  const fallback = timing.fallback[Math.min(rank, timing.fallback.length) - 1] ?? 0;
  return tick + fallback + timing.fallbackPerTick * dueInSecond;
}

/**
 * When a worker that found a tick and has no room for it may turn it into a waiting trigger: rank 0 first, the others
 * one after another, all inside the live window.
 */
export function backlogAt(tick: Instant, rank: number): Instant {
  return tick + timing.backlogAfter + 500 * rank;
}
