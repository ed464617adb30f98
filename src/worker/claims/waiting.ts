import type { TriggerRecord } from '../../coordination/records.ts';
import { mayStart } from '../../coordination/waiting.ts';
import { splitJobKey } from '../../domain/job/job.ts';
import { nextOf } from '../../domain/policy/turn.ts';
import type { JobEntry } from '../agenda/entry.ts';
import type { ClaimContext } from './proposal.ts';
import { isFrozen } from './trigger-proposal.ts';

type Under = Pick<ClaimContext, 'epoch' | 'now' | 'freezes'>;

/** Of a job's triggers those that wait to be started: what waits for the end of a freeze keeps no other waiting. */
export function waitingOf<T extends TriggerRecord>(triggers: readonly T[], entry: JobEntry, under: Under): T[] {
  const { namespace } = splitJobKey(entry.key);
  return triggers.filter(
    record => mayStart(record, entry, under.epoch.number, under.now) && !isFrozen(under, record.kind, namespace),
  );
}

/** Of a job's triggers the one whose turn it is; with Allow and Forbid there are no turns, and it is undefined. */
export function inTurn<T extends TriggerRecord>(triggers: readonly T[], entry: JobEntry, under: Under): T | undefined {
  const { policy } = entry;
  return policy === 'Queue' || policy === 'Replace' ? nextOf(waitingOf(triggers, entry, under), policy) : undefined;
}

/** Claimed before, perhaps, in a past that Consul has lost since: whoever knows is given time to say so. */
export function isUnseen({ requestedAt }: TriggerRecord, under: ClaimContext): boolean {
  return requestedAt <= under.since && !under.settled;
}
