import type { Entry, Index } from '../../coordination/coordinator.ts';
import { isHeld } from '../../coordination/handover.ts';
import { cursorPath, prefix, triggerPath } from '../../coordination/keys.ts';
import { exclusiveLock, jobOfLock } from '../../coordination/locks.ts';
import { type CursorRecord, decode, type LockRecord } from '../../coordination/records.ts';
import { jobKey } from '../../domain/job/job.ts';
import { maxMembers } from '../../domain/job/spec/placement.ts';
import { isSpread, runsOfWhole } from '../../domain/policy/members.ts';
import { type Member, type RunId, tickRunId } from '../../domain/run/run.ts';
import type { Instant } from '../../domain/time.ts';
import type { JobSpell } from '../../store/store.ts';
import type { Evidence } from './judge.ts';
import type { Office } from './office.ts';

/** Evidence with what a check-and-set of the cursor needs. */
export interface Found extends Evidence {
  /** 0 when there is no cursor. */
  readonly cursorIndex: Index;
}

/** Reads cursors, and the slots of exclusive jobs. A cursor that can't be read stops only its own job: it is left out. */
export async function findEvidence(office: Office, spells: readonly JobSpell[]): Promise<Map<JobSpell, Found>> {
  // Only Forbid leaves ticks to the holder of its slot.
  const locks = new Map(
    spells
      .filter(({ spec }) => spec.concurrencyPolicy === 'Forbid' && !isSpread(spec.placement))
      .map(spell => [spell, slotOf(spell)] as const),
  );
  const keys = [...new Set([...spells.map(cursorOf), ...locks.values()])];
  const entries = new Map((await office.read(keys)).map((entry, i) => [keys[i], entry] as const));
  const found = new Map<JobSpell, Found>();
  for (const spell of spells) {
    const [cursor, lock] = [entries.get(cursorOf(spell)), entries.get(locks.get(spell) ?? '')];
    try {
      found.set(spell, {
        cursorIndex: cursor?.index ?? 0,
        ...(cursor !== undefined && { cursor: decode<CursorRecord>(cursor) }),
        ...holderOf(spell, lock),
      });
    } catch (error) {
      office.logger.error({ err: error, job: jobKey(spell) }, 'a key is not readable; the audit of its job waits');
    }
  }
  return found;
}

/** The run of the job itself: ticks that another's of its group holds up are decided by workers, at once. */
function holderOf(spell: JobSpell, lock: Entry | undefined): Pick<Found, 'holder'> {
  if (lock === undefined) return {};
  const record = decode<LockRecord>(lock);
  if (jobOfLock(lock.key, record) !== jobKey(spell)) return {};
  return isHeld({ session: lock.session, record }) ? { holder: record } : {};
}

const cursorOf = (spell: JobSpell): string => cursorPath(jobKey(spell));
const slotOf = (spell: JobSpell): string => exclusiveLock(jobKey(spell), spell.spec) ?? '';

/** A run of a decided tick that the database does not know. */
export interface UnknownRun {
  readonly id: RunId;
  readonly tick: Instant;
  readonly member?: Member;
}

/** Of decided ticks, the runs that the database does not know. */
export async function unknownRuns(
  office: Office,
  spell: JobSpell,
  ticks: readonly Instant[],
  cursor: CursorRecord | undefined,
): Promise<readonly UnknownRun[]> {
  const unknown: UnknownRun[] = [];
  for (const tick of ticks) {
    const id = tickRunId(spell.uid, tick);
    if (!isSpread(spell.spec.placement)) {
      unknown.push({ id, tick });
      continue;
    }
    const { items } = await office.store.listRuns({ whole: id, limit: 2 * maxMembers });
    const known = new Set(items.map(run => run.id));
    const members = cursor?.run === id ? cursor.members : undefined;
    const count = items[0]?.particulars?.member?.count ?? members ?? spell.spec.placement.shards;
    // How many it came to is not known any more: the whole stands for them.
    if (count === undefined) unknown.push({ id, tick });
    for (const [index, run] of runsOfWhole(id, count ?? 0).entries())
      if (!known.has(run)) unknown.push({ id: run, tick, member: { index, count: count ?? 0 } });
  }
  return unknown;
}

/** Of these runs, those for which neither a lock nor a trigger is left. */
export async function withoutTrace(
  office: Office,
  spell: JobSpell,
  runs: readonly UnknownRun[],
): Promise<readonly UnknownRun[]> {
  const job = jobKey(spell);
  const locks = await office.list(`${prefix.lock}${job}/`);
  const locked = new Set<RunId>();
  const group = spell.spec.concurrencyGroup === undefined ? [] : await office.read([slotOf(spell)]);
  for (const lock of [...locks, ...group]) if (lock !== undefined) locked.add(decode<LockRecord>(lock).run);
  const triggers = await office.read(runs.map(({ id }) => triggerPath(job, id)));
  return runs.filter(({ id }, i) => triggers[i] === undefined && !locked.has(id));
}
