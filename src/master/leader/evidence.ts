import type { Index } from '../../coordination/coordinator.ts';
import { cursorPath, lockPath, prefix, triggerPath } from '../../coordination/keys.ts';
import { type CursorRecord, decode, type LockRecord } from '../../coordination/records.ts';
import { jobKey } from '../../domain/job/job.ts';
import { type RunId, tickRunId } from '../../domain/run/run.ts';
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
  const keys = spells.flatMap(spell => [cursorPath(jobKey(spell)), lockPath(jobKey(spell), 0)]);
  const entries = await office.read(keys);
  const found = new Map<JobSpell, Found>();
  for (const [i, spell] of spells.entries()) {
    const [cursor, lock] = [entries[2 * i], entries[2 * i + 1]];
    const held = spell.spec.concurrencyPolicy === 'Forbid' && lock?.session !== undefined;
    if (cursor === undefined) {
      found.set(spell, { held, cursorIndex: 0 });
      continue;
    }
    try {
      found.set(spell, { held, cursor: decode<CursorRecord>(cursor), cursorIndex: cursor.index });
    } catch (error) {
      office.logger.error({ err: error, job: jobKey(spell) }, 'a cursor is not readable; its job waits');
    }
  }
  return found;
}

/** Of decided ticks without a report: those for which neither a lock nor a trigger is left. */
export async function withoutTrace(
  office: Office,
  spell: JobSpell,
  ticks: readonly Instant[],
): Promise<readonly Instant[]> {
  const job = jobKey(spell);
  const locks = await office.coordinator.list(`${prefix.lock}${job}/`, {
    consistent: true,
    signal: office.signal,
  });
  const locked = new Set<RunId>();
  for (const lock of locks) locked.add(decode<LockRecord>(lock).run);
  const triggers = await office.read(ticks.map(tick => triggerPath(job, tickRunId(spell.uid, tick))));
  return ticks.filter((tick, i) => triggers[i] === undefined && !locked.has(tickRunId(spell.uid, tick)));
}
