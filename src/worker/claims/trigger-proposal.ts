import type { Index, Operation } from '../../coordination/coordinator.ts';
import { jobPath } from '../../coordination/keys.ts';
import { encode } from '../../coordination/records.ts';
import type { WorkerId } from '../../domain/run/run.ts';
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
    const { entry, lockKey, deadline, handovers } = this.#claim;
    const { key, index, epoch } = this.#trigger;
    if (!this.#options.isCurrent(entry) || context.now > deadline) return undefined;
    if (handovers === 0 && epoch !== context.epoch.number) return undefined;
    return [
      { verb: 'check-index', key: jobPath(entry.key), index: entry.index },
      // A `delete-cas` alone succeeds where there is no key any more: a trigger would be claimed twice.
      { verb: 'check-index', key, index },
      { verb: 'delete-cas', key, index },
      {
        verb: 'lock',
        key: lockKey,
        value: encode(lockRecord(this.#claim, this.#options.worker)),
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
