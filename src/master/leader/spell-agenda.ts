import { type JobKey, type JobUid, jobKey } from '../../domain/job/job.ts';
import { stillness } from '../../domain/job/pause.ts';
import type { RunId } from '../../domain/run/run.ts';
import { type Schedule, scheduleOf } from '../../domain/schedule/index.ts';
import type { Instant } from '../../domain/time.ts';
import type { JobSpell } from '../../store/store.ts';
import { DueHeap } from './due-heap.ts';

/** Jobs by what somebody asks of them, kept as spells come and go. */
export interface SpellIndex {
  /** The job's open spell, or a newer form of it. */
  opened(spell: JobSpell): void;
  closed(uid: JobUid): void;
}

/** A spell as the leader follows it. */
export interface Watched {
  spell: JobSpell;
  readonly schedule: Schedule;
  /** Every tick up to here is accounted, as this leader knows. */
  accountedUntil: Instant;
  /** As the database knows; `savedAt` is when it was told. */
  savedUntil: Instant;
  savedAt: Instant;
  /** The run that was last seen to hold its exclusive slot, and from when to when. */
  held?: { readonly run: RunId; readonly from: Instant; readonly to: Instant };
}

/** Identity of a spell: its job, and the instant at which it began. */
type SpellId = `${JobUid}/${Instant}`;

/** The spells that may hold unaccounted ticks, by when they are to be looked at. */
export class SpellAgenda {
  readonly #auditAfter: number;
  readonly #spells = new Map<SpellId, Watched>();
  readonly #heap = new DueHeap<Watched>();
  readonly #openByKey = new Map<JobKey, Watched>();
  readonly #indexes: readonly SpellIndex[];

  /** `indexes` are told of the jobs that exist. */
  constructor(auditAfter: number, indexes: readonly SpellIndex[] = []) {
    this.#auditAfter = auditAfter;
    this.#indexes = indexes;
  }

  get size(): number {
    return this.#spells.size;
  }

  /** When the first spell is due. */
  get nextAt(): Instant | undefined {
    return this.#heap.nextAt;
  }

  /** The present spell of a job. */
  open(job: JobKey): JobSpell | undefined {
    return this.#openByKey.get(job)?.spell;
  }

  /** Jobs that exist now. */
  jobs(): Iterable<JobKey> {
    return this.#openByKey.keys();
  }

  /** Of the same jobs. */
  *openSpells(): Iterable<JobSpell> {
    for (const { spell } of this.#openByKey.values()) yield spell;
  }

  /** Of the same jobs. */
  *openUids(): Iterable<JobUid> {
    for (const { spell } of this.#openByKey.values()) yield spell.uid;
  }

  /** Takes in spells as the database has them. */
  put(spells: readonly JobSpell[], now: Instant): void {
    for (const spell of spells) this.#put(spell, now);
  }

  /** Takes out a spell that is due. */
  take(now: Instant): Watched | undefined {
    return this.#heap.take(now);
  }

  /** To be looked at again at this instant. */
  again(watched: Watched, at: Instant): void {
    if (this.#spells.get(idOf(watched.spell)) === watched) this.#heap.set(watched, at);
  }

  /** To be looked at when its next tick is due for audit; a spell that is over and accounted is forgotten. */
  next(watched: Watched, notBefore: Instant): void {
    const { spell, schedule, accountedUntil } = watched;
    const ended = spell.until !== undefined;
    if (ended && accountedUntil >= spell.until) {
      this.#forget(watched);
      return;
    }
    // An ended spell's last ticks can't be claimed any more, and a suspended one's are one range: no wait for either.
    const due = ended ? spell.until : this.#nextAudit(schedule.next(accountedUntil), spell);
    if (due === undefined) this.#heap.delete(watched);
    else this.again(watched, Math.max(due, notBefore));
  }

  #nextAudit(tick: Instant | undefined, spell: JobSpell): Instant | undefined {
    return tick === undefined || stillness(spell) !== undefined ? undefined : tick + this.#auditAfter;
  }

  #put(spell: JobSpell, now: Instant): void {
    const id = idOf(spell);
    const known = this.#spells.get(id);
    // Read before what is known: a spell that is over never goes on.
    if (known?.spell.until !== undefined && spell.until === undefined) return;
    if (spell.until !== undefined && spell.accountedUntil >= spell.until) {
      if (known !== undefined) this.#forget(known);
      return;
    }
    const changed = known === undefined || known.spell.until !== spell.until;
    const watched = known ?? {
      spell,
      schedule: scheduleOf(spell),
      accountedUntil: spell.accountedUntil,
      savedUntil: spell.accountedUntil,
      savedAt: now,
    };
    // What its calendars hold is in the schedule, which shares it.
    const { calendars: _, ...rest } = spell;
    watched.spell = rest;
    watched.accountedUntil = Math.max(watched.accountedUntil, spell.accountedUntil);
    this.#spells.set(id, watched);
    const key = jobKey(spell);
    if (spell.until === undefined) this.#open(key, watched);
    else if (this.#openByKey.get(key) === watched) this.#close(key, watched);
    if (changed) this.next(watched, now);
  }

  #forget(watched: Watched): void {
    this.#heap.delete(watched);
    this.#spells.delete(idOf(watched.spell));
    const key = jobKey(watched.spell);
    if (this.#openByKey.get(key) === watched) this.#close(key, watched);
  }

  #open(key: JobKey, watched: Watched): void {
    const before = this.#openByKey.get(key);
    if (before !== undefined && before.spell.uid !== watched.spell.uid) this.#close(key, before);
    this.#openByKey.set(key, watched);
    for (const index of this.#indexes) index.opened(watched.spell);
  }

  #close(key: JobKey, { spell }: Watched): void {
    this.#openByKey.delete(key);
    for (const index of this.#indexes) index.closed(spell.uid);
  }
}

function idOf(spell: JobSpell): SpellId {
  return `${spell.uid}/${spell.floor}`;
}
