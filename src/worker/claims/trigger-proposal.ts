import type { Index, Operation } from '../../coordination/coordinator.ts';
import { jobPath } from '../../coordination/keys.ts';
import { encode } from '../../coordination/records.ts';
import { splitJobKey } from '../../domain/job/job.ts';
import type { TriggerKind, WorkerId } from '../../domain/run/run.ts';
import type { JobEntry } from '../agenda/entry.ts';
import { lockRecord, type RunClaim } from './held-run.ts';
import type { ClaimContext, Commit, Loss, Proposal } from './proposal.ts';

export interface TriggerProposalOptions {
  readonly worker: WorkerId;
  readonly isCurrent: (entry: JobEntry) => boolean;
  readonly won: (commit: Commit) => void;
  readonly lost: (loss: Loss) => void;
}

/** Takes a trigger away and its run on. */
export class TriggerProposal implements Proposal {
  readonly #options: TriggerProposalOptions;
  readonly #trigger: { readonly key: string; readonly index: Index; readonly epoch: number };
  readonly #claim: RunClaim;

  constructor(
    options: TriggerProposalOptions,
    trigger: { readonly key: string; readonly index: Index; readonly epoch: number },
    claim: RunClaim,
  ) {
    this.#options = options;
    this.#trigger = trigger;
    this.#claim = claim;
  }

  build(context: ClaimContext): readonly Operation[] | undefined {
    const { entry, lockKey, guard, marks = [], deadline, adopts, trigger } = this.#claim;
    const { key, index, epoch } = this.#trigger;
    if (context.now > deadline) return undefined;
    // A run that goes on is adopted whatever has become of its job, and of the epoch.
    if (adopts === undefined && !(this.#options.isCurrent(entry) && epoch === context.epoch.number)) return undefined;
    if (adopts === undefined && isFrozen(context, trigger, splitJobKey(entry.key).namespace)) return undefined;
    return [
      ...(adopts === undefined ? [{ verb: 'check-index', key: jobPath(entry.key), index: entry.index } as const] : []),
      // A `delete-cas` alone succeeds where there is no key any more: a trigger would be claimed twice.
      { verb: 'check-index', key, index },
      { verb: 'delete-cas', key, index },
      ...(guard === undefined ? [] : [guard]),
      ...marks,
      {
        verb: 'lock',
        key: lockKey,
        value: encode(lockRecord(this.#claim, this.#options.worker, context.now)),
        session: context.session,
      },
    ];
  }

  won(commit: Commit): void {
    this.#options.won(commit);
  }

  lost(loss: Loss): void {
    this.#options.lost(loss);
  }
}

/** Whether a run that was asked for waits for the end of a freeze: all do but those asked for by hand. */
export function isFrozen(
  { freezes, now }: Pick<ClaimContext, 'freezes' | 'now'>,
  kind: TriggerKind,
  namespace: string,
): boolean {
  return kind !== 'manual' && freezes.at(namespace, now) !== undefined;
}
