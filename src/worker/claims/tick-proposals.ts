import type { Operation } from '../../coordination/coordinator.ts';
import { cursorPath, jobPath, triggerPath } from '../../coordination/keys.ts';
import { type CursorRecord, encode, maxGaps, type TriggerRecord } from '../../coordination/records.ts';
import { splitJobKey } from '../../domain/job/job.ts';
import { countedWith, gapsAt, refusalOf, type TickBounds } from '../../domain/policy/claiming.ts';
import { type Member, memberRunId, type RunId, tickRunId, type WorkerId } from '../../domain/run/run.ts';
import type { Due } from '../agenda/due.ts';
import type { JobEntry } from '../agenda/entry.ts';
import { lockRecord, type RunClaim } from './held-run.ts';
import type { ClaimContext, Commit, Loss, Proposal } from './proposal.ts';
import type { SeenCache, SeenCursor } from './seen.ts';

/** What all proposals about ticks share. */
export interface TickProposalOptions {
  readonly worker: WorkerId;
  readonly cache: SeenCache;
  readonly isCurrent: (entry: JobEntry) => boolean;
}

/** What a tick is to become. */
export type TickDecision =
  | { readonly kind: 'run'; readonly claim: RunClaim }
  /** It waits as a trigger, for room or for its turn. `by` says which. */
  | { readonly kind: 'trigger'; readonly by: string }
  /** It comes to several runs: each waits as a trigger for its worker. */
  | { readonly kind: 'members'; readonly members: readonly Member[] }
  | {
      readonly kind: 'skip';
      readonly reason: 'ConcurrencyLimit' | 'QueueFull' | 'StillRunning';
      readonly detail: string;
    };

export interface TickOutcome {
  won(commit: Commit): void;
  lost(loss: Loss): void;
}

/** The run of a live tick. */
export function tickClaim(due: Due, lockKey: string, guard?: Operation): RunClaim {
  const { entry, tick } = due;
  return {
    entry,
    run: tickRunId(entry.uid, tick),
    attempt: 1,
    trigger: 'tick',
    tick,
    lockKey,
    guard,
    deadline: tick + entry.deadline,
  };
}

/**
 * Decides a tick by moving its job's cursor. The cursor's index and the check `cursor < tick` come from the one read
 * `seen`, and the check is made again each time before it is sent: a cursor never goes back.
 */
export class TickProposal implements Proposal {
  readonly #options: TickProposalOptions;
  readonly #due: Due;
  readonly #seen: SeenCursor;
  readonly #decision: TickDecision;
  readonly #outcome: TickOutcome;
  #record: CursorRecord | undefined;

  constructor(options: TickProposalOptions, due: Due, seen: SeenCursor, decision: TickDecision, outcome: TickOutcome) {
    this.#options = options;
    this.#due = due;
    this.#seen = seen;
    this.#decision = decision;
    this.#outcome = outcome;
  }

  build(context: ClaimContext): readonly Operation[] | undefined {
    const { entry, tick } = this.#due;
    const seen = this.#seen;
    if (!this.#options.isCurrent(entry)) return undefined;
    // This worker itself has moved the cursor since: the read is of no use any more.
    if ((this.#options.cache.get(entry.key)?.cursor.index ?? 0) > seen.index) return undefined;
    const { epoch, since } = context;
    const freezes = context.freezes.of(splitJobKey(entry.key).namespace);
    const { tick: decided, counted } = seen.record ?? {};
    const bounds: TickBounds = { floor: entry.floor, epochFloor: epoch.floor, decided, counted, since, freezes };
    if (refusalOf(tick, context.now, bounds, entry) !== undefined) return undefined;
    const gaps = gapsAt(tick, entry.schedule, bounds, seen.record?.gaps ?? [], maxGaps);
    if (gaps === undefined) return undefined;
    const { worker } = this.#options;
    const decision = this.#decision;
    this.#record = {
      v: 1,
      uid: entry.uid,
      tick,
      decision: decision.kind === 'members' ? 'trigger' : decision.kind,
      worker,
      ...(decision.kind === 'skip'
        ? { from: tick, reason: decision.reason, detail: decision.detail }
        : { run: tickRunId(entry.uid, tick) }),
      ...(decision.kind === 'members' && { members: decision.members.length }),
      ...(gaps.length > 0 && { gaps }),
      ...countedWith(entry.limit, counted, decision.kind === 'skip' ? 0 : 1),
    };
    return [
      { verb: 'check-index', key: jobPath(entry.key), index: entry.index },
      { verb: 'cas', key: cursorPath(entry.key), value: encode(this.#record), index: seen.index },
      ...this.#extra(context),
    ];
  }

  won(commit: Commit): void {
    this.#options.cache.moved(this.#due.entry.key, { index: commit.index, record: this.#record });
    this.#due.state = 'done';
    this.#outcome.won(commit);
  }

  lost(loss: Loss): void {
    this.#outcome.lost(loss);
  }

  #extra(context: ClaimContext): readonly Operation[] {
    const decision = this.#decision;
    const { worker } = this.#options;
    if (decision.kind === 'skip') return [];
    if (decision.kind === 'run') {
      const { claim } = decision;
      const value = encode(lockRecord(claim, worker, context.now));
      const lock = { verb: 'lock', key: claim.lockKey, value, session: context.session } as const;
      return claim.guard === undefined ? [lock] : [claim.guard, lock];
    }
    const whole = tickRunId(this.#due.entry.uid, this.#due.tick);
    if (decision.kind === 'trigger') return [this.#trigger(context, whole, decision.by)];
    return decision.members.map(member =>
      this.#trigger(context, memberRunId(whole, member.index), `the tick, for ${decision.members.length} runs`, member),
    );
  }

  #trigger(context: ClaimContext, run: RunId, by: string, member?: Member): Operation {
    const { entry, tick } = this.#due;
    const trigger: TriggerRecord = {
      v: 1,
      run,
      attempt: 1,
      jobUid: entry.uid,
      kind: 'tick',
      tick,
      ...(member !== undefined && { particulars: { member } }),
      deadline: tick + entry.deadline,
      requestedAt: context.now,
      epoch: context.epoch.number,
      by,
    };
    return { verb: 'cas', key: triggerPath(entry.key, run), value: encode(trigger), index: 0 };
  }
}
