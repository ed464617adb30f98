import type { Entry, Index, Operation, SessionId } from '../../coordination/coordinator.ts';
import type { EpochRecord } from '../../coordination/records.ts';
import type { Freezes } from '../../domain/policy/freeze.ts';
import type { Instant } from '../../domain/time.ts';

/** Under what a claim is made. */
export interface ClaimContext {
  /** With the highest beat that was known when the claim was sent: its answer must not show an earlier one. */
  readonly epoch: Pick<EpochRecord, 'number' | 'floor' | 'beat'>;
  readonly session: SessionId;
  readonly now: Instant;
  /** Since when this worker has seen Consul without a break: see `TickBounds.since`. */
  readonly since: Instant;
  /** Whether what was asked for before `since` may be claimed: nobody has found meanwhile that Consul lost its past. */
  readonly settled: boolean;
  readonly freezes: Freezes;
}

/** What became of a claim that was carried out. */
export interface Commit {
  readonly epoch: number;
  readonly session: SessionId;
  /** The one index of everything that the transaction wrote. */
  readonly index: Index;
  /** The answers to the proposal's own operations, in order; undefined after an outcome that had to be found out. */
  readonly entries: readonly (Entry | undefined)[] | undefined;
}

/**
 * Why a claim was not carried out, for sure. `failed`: these of its operations did not hold. `withdrawn`: it did not
 * want to any more when its turn came. `paused`: nothing is claimed now. `unanswered`: nothing came of it, worth
 * another look.
 */
export type Loss =
  | { readonly why: 'failed'; readonly operations: readonly Operation[] }
  | { readonly why: 'withdrawn' | 'paused' | 'unanswered' };

/** Something that a worker wants to decide in a claim transaction. Exactly one of `won` and `lost` is called. */
export interface Proposal {
  /** Called each time before it is sent: looks again whether it may, and gives its operations. */
  build(context: ClaimContext): readonly Operation[] | undefined;
  won(commit: Commit): void;
  lost(loss: Loss): void;
}
