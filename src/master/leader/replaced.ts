import { isHeld } from '../../coordination/handover.ts';
import { cursorPath } from '../../coordination/keys.ts';
import { exclusiveLock, jobOfLock } from '../../coordination/locks.ts';
import { type CursorRecord, decode, encode, type LockRecord, type TriggerRecord } from '../../coordination/records.ts';
import { isOutrun, mayStart } from '../../coordination/waiting.ts';
import type { JobKey } from '../../domain/job/job.ts';
import { byPlace, nextOf } from '../../domain/policy/turn.ts';
import type { RunId } from '../../domain/run/run.ts';
import type { JobSpell } from '../../store/store.ts';
import type { Office } from './office.ts';
import type { SpellAgenda } from './spell-agenda.ts';
import type { FoundTrigger } from './triggers.ts';

/**
 * Of these triggers those of `Replace` jobs that are not to be started any more, since a later run waits, goes or was
 * decided. Each is marked so in Consul before it is given: no worker claims it from then on, and whoever leads next finds
 * the mark.
 */
export async function markReplaced(
  office: Office,
  agenda: SpellAgenda,
  epoch: number,
  triggers: readonly FoundTrigger[],
): Promise<readonly FoundTrigger[]> {
  const marked = triggers.filter(({ record }) => record.replacedBy !== undefined);
  const outdone = await outdoneOf(office, agenda, epoch, triggers);
  const records = outdone.map(([{ record }, by]): TriggerRecord => ({ ...record, replacedBy: by }));
  const answers = await office.each(
    outdone.map(([{ entry }], i) => {
      const { key, index } = entry;
      return { verb: 'cas', key, value: encode(records[i] as TriggerRecord), index };
    }),
  );
  const now = outdone.flatMap(([one], i): FoundTrigger[] => {
    const [answer, record] = [answers[i], records[i]];
    // Refused where a worker has claimed it meanwhile.
    if (answer === 'refused' || answer === undefined || record === undefined) return [];
    return [{ ...one, record, entry: { ...one.entry, index: answer.index } }];
  });
  return [...marked, ...now];
}

/** Triggers with the later run that came before each could start. */
async function outdoneOf(
  office: Office,
  agenda: SpellAgenda,
  epoch: number,
  triggers: readonly FoundTrigger[],
): Promise<readonly (readonly [FoundTrigger, RunId])[]> {
  const jobs = [...waitingByJob(office, agenda, epoch, triggers)];
  const keys = jobs.flatMap(([job, { spell }]) => [exclusiveLock(job, spell.spec) ?? '', cursorPath(job)]);
  const entries = await office.read(keys);
  return jobs.flatMap(([job, { waiting }], i) => {
    const [lock, cursor] = entries.slice(2 * i, 2 * i + 2);
    const holder = lock === undefined ? undefined : decode<LockRecord>(lock);
    const isOwn =
      lock !== undefined &&
      holder !== undefined &&
      isHeld({ session: lock.session, record: holder }) &&
      jobOfLock(lock.key, holder) === job;
    const decided = cursor === undefined ? undefined : decode<CursorRecord>(cursor);
    const newest = nextOf(
      waiting.map(({ record }) => record),
      'Replace',
    );
    return waiting.flatMap((one): [FoundTrigger, RunId][] => {
      const { record } = one;
      if (newest !== undefined && newest !== record) return [[one, newest.run]];
      if (isOwn && holder.run !== record.run && byPlace(holder, record) > 0) return [[one, holder.run]];
      return isOutrun(record, decided) && decided?.run !== undefined ? [[one, decided.run]] : [];
    });
  });
}

interface WaitingJob {
  readonly spell: JobSpell;
  readonly waiting: FoundTrigger[];
}

function waitingByJob(
  office: Office,
  agenda: SpellAgenda,
  epoch: number,
  triggers: readonly FoundTrigger[],
): ReadonlyMap<JobKey, WaitingJob> {
  const jobs = new Map<JobKey, WaitingJob>();
  for (const one of triggers) {
    const spell = agenda.open(one.job);
    if (spell?.spec.concurrencyPolicy !== 'Replace') continue;
    const job = { uid: spell.uid, floor: spell.floor, suspended: spell.spec.suspend };
    if (!mayStart(one.record, job, epoch, office.clock())) continue;
    const known = jobs.get(one.job);
    if (known === undefined) jobs.set(one.job, { spell, waiting: [one] });
    else known.waiting.push(one);
  }
  return jobs;
}
