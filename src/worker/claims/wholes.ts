import type { Coordinator, Operation } from '../../coordination/coordinator.ts';
import { jobPath, lockPath, prefix, wholePath } from '../../coordination/keys.ts';
import { decode, encode, type WholeRecord } from '../../coordination/records.ts';
import { runsOfWhole } from '../../domain/policy/members.ts';
import type { RunId } from '../../domain/run/run.ts';
import type { JobEntry } from '../agenda/entry.ts';
import type { ClaimContext, Commit, Loss, Proposal } from './proposal.ts';
import { readKeys } from './reader.ts';
import type { SeenWhole } from './seen.ts';

/**
 * Keeps the runs of one tick (or request) from those of another where a job with `Forbid` has several runs for each:
 * `cron/whole/<job>` names the whole whose members may be claimed, each claim checks that key, and it goes over to
 * another whole in a transaction that finds no lock of its members. So locks are of one whole only, always.
 */

/**
 * Reads it for each of these jobs: the key first, then the locks of whom it names, and what waits. What is given throws
 * where a value cannot be read. @throws CoordinationError
 */
export async function readWholes(
  coordinator: Coordinator,
  jobs: readonly JobEntry[],
  signal: AbortSignal,
): Promise<ReadonlyMap<JobEntry, () => SeenWhole>> {
  const entries =
    jobs.length === 0
      ? []
      : await readKeys(
          coordinator,
          jobs.map(({ key }) => wholePath(key)),
          signal,
        );
  const found = jobs.map(async (job, i): Promise<[JobEntry, () => SeenWhole]> => {
    const entry = entries[i];
    const record = entry === undefined ? undefined : readable(entry);
    const runs = record === undefined ? [] : runsOfWhole(record.whole, record.members);
    const waiting = await coordinator.keys(`${prefix.trigger}${job.key}/`, { consistent: true, signal });
    const locks = await readKeys(
      coordinator,
      runs.map(run => lockPath(job.key, run)),
      signal,
    );
    const locked = runs.find((_, at) => locks[at] !== undefined);
    const waits = waiting[0]?.slice(waiting[0].lastIndexOf('/') + 1) as RunId | undefined;
    const index = entry?.index ?? 0;
    return [job, () => ({ index, record: entry && decode<WholeRecord>(entry), locked, going: locked ?? waits })];
  });
  return new Map(await Promise.all(found));
}

function readable(entry: Parameters<typeof decode>[0]): WholeRecord | undefined {
  try {
    return decode<WholeRecord>(entry);
  } catch {
    // Told when what was read is looked at, and only of this job.
    return undefined;
  }
}

export interface WholeProposalOptions {
  readonly entry: JobEntry;
  readonly seen: SeenWhole;
  readonly next: WholeRecord;
  readonly isCurrent: (entry: JobEntry) => boolean;
  readonly settled: (won: boolean) => void;
}

/** Lets another whole have its turn: 1 + 1 + at most 100 operations. */
export class WholeProposal implements Proposal {
  readonly #options: WholeProposalOptions;

  constructor(options: WholeProposalOptions) {
    this.#options = options;
  }

  build(_context: ClaimContext): readonly Operation[] | undefined {
    const { entry, seen, next, isCurrent } = this.#options;
    if (!isCurrent(entry)) return undefined;
    const before = seen.record === undefined ? [] : runsOfWhole(seen.record.whole, seen.record.members);
    return [
      { verb: 'check-index', key: jobPath(entry.key), index: entry.index },
      { verb: 'cas', key: wholePath(entry.key), value: encode(next), index: seen.index },
      ...before.map((run): Operation => ({ verb: 'check-not-exists', key: lockPath(entry.key, run) })),
    ];
  }

  won(_commit: Commit): void {
    this.#options.settled(true);
  }

  lost(_loss: Loss): void {
    this.#options.settled(false);
  }
}
