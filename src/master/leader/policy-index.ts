import type { JobUid } from '../../domain/job/job.ts';
import type { JobSpell } from '../../store/store.ts';
import type { SpellIndex } from './spell-agenda.ts';

/** Jobs by what their specs ask for, kept as spells come and go, so that nothing scans all jobs each second. */
export class PolicyIndex implements SpellIndex {
  readonly #wanted: (spell: JobSpell) => boolean;
  readonly #spells = new Map<JobUid, JobSpell>();

  constructor(wanted: (spell: JobSpell) => boolean) {
    this.#wanted = wanted;
  }

  /** The job's open spell, or a newer form of it. */
  opened(spell: JobSpell): void {
    if (this.#wanted(spell)) this.#spells.set(spell.uid, spell);
    else this.#spells.delete(spell.uid);
  }

  closed(uid: JobUid): void {
    this.#spells.delete(uid);
  }

  get(uid: JobUid): JobSpell | undefined {
    return this.#spells.get(uid);
  }

  uids(): Iterable<JobUid> {
    return this.#spells.keys();
  }

  spells(): Iterable<JobSpell> {
    return this.#spells.values();
  }
}
