import { auditAfter, timing } from '../../domain/policy/timing.ts';
import type { Milliseconds } from '../../domain/time.ts';

/** The leader's times, in milliseconds. Tests shorten them. */
export interface LeaderTiming {
  readonly beatEvery: Milliseconds;
  /** From finding that Consul lost its past to the next epoch: lock delay and live window. */
  readonly epochWait: Milliseconds;
  readonly sweepEvery: Milliseconds;
  /** A tick is audited this long after it. */
  readonly auditAfter: Milliseconds;
  /** How often due ticks are looked for. */
  readonly auditEvery: Milliseconds;
  /** A spell is audited at most this often: jobs that fire each second are looked at for some ticks together. */
  readonly auditSpacing: Milliseconds;
  /** After a tick that can't be decided yet, its job is looked at again after this. */
  readonly recheckEvery: Milliseconds;
  /** A decided tick without a report for this long is lost. */
  readonly lostAfter: Milliseconds;
  /** A new leader closes nothing as lost before this. */
  readonly lostGrace: Milliseconds;
  /** How often orphans, triggers and kills are looked at. */
  readonly clearEvery: Milliseconds;
  /** A run without a report for this long is looked at. */
  readonly quietAfter: Milliseconds;
  /** Everything is loaded anew from the database this often. */
  readonly reloadEvery: Milliseconds;
  readonly retainEvery: Milliseconds;
  /** How often output of ended runs is sent to the archive. */
  readonly archiveEvery: Milliseconds;
  /** How often late runs and new skips are looked for, to tell of them. */
  readonly tellEvery: Milliseconds;
  /** Keys below cron/jobs/ are compared with the database at most this often while nothing was seen to be done by hand. */
  readonly compareEvery: Milliseconds;
}

export const leaderTiming: LeaderTiming = {
  beatEvery: timing.beatEvery,
  epochWait: timing.lockDelay + timing.liveWindow,
  sweepEvery: 1_000,
  auditAfter,
  auditEvery: 500,
  auditSpacing: 2_000,
  recheckEvery: 5_000,
  lostAfter: timing.lostAfter,
  lostGrace: timing.lostGrace,
  clearEvery: 5_000,
  quietAfter: 30_000,
  reloadEvery: 60_000,
  retainEvery: 60_000,
  archiveEvery: 2_000,
  tellEvery: 5_000,
  compareEvery: 30_000,
};
