import type { JobUid } from '../../domain/job/job.ts';
import { eligibilityClass, type JobNeeds } from '../../domain/policy/eligibility.ts';
import type { JobSpell } from '../../store/store.ts';
import type { SpellIndex } from './spell-agenda.ts';

/** Where a job stands, as it is counted. */
type Standing = 'active' | 'suspended' | 'paused';

interface Counted {
  readonly standing: Standing;
  readonly group: string;
}

/** Jobs that ask for the same workers. */
interface Group {
  /** Of one of them. */
  readonly needs: JobNeeds;
  readonly active: Set<JobUid>;
}

/**
 * Counts jobs, as spells come and go. Jobs that ask for the same workers are one group: whether somebody is eligible is
 * asked once for each, not once for each job.
 */
export class Census implements SpellIndex {
  readonly #jobs = new Map<JobUid, Counted>();
  readonly #groups = new Map<string, Group>();

  opened({ uid, spec, paused }: JobSpell): void {
    this.closed(uid);
    const standing = paused !== undefined ? 'paused' : spec.suspend ? 'suspended' : 'active';
    const name = eligibilityClass(spec);
    const group = this.#groups.get(name) ?? { needs: spec, active: new Set() };
    this.#groups.set(name, group);
    if (standing === 'active') group.active.add(uid);
    this.#jobs.set(uid, { standing, group: name });
  }

  closed(uid: JobUid): void {
    const counted = this.#jobs.get(uid);
    if (counted === undefined) return;
    this.#jobs.delete(uid);
    const group = this.#groups.get(counted.group);
    group?.active.delete(uid);
    if (group?.active.size === 0) this.#groups.delete(counted.group);
  }

  /** How many jobs there are, by standing. */
  counts(): Readonly<Record<Standing, number>> {
    const counts = { active: 0, suspended: 0, paused: 0 };
    for (const { standing } of this.#jobs.values()) counts[standing]++;
    return counts;
  }

  /** Whether there is such a job, and nobody suspended it. */
  isAlive(uid: JobUid): boolean {
    const standing = this.#jobs.get(uid)?.standing;
    return standing === 'active' || standing === 'paused';
  }

  /** Active jobs that no worker may run. */
  withoutWorker(isSomebodyEligible: (needs: JobNeeds) => boolean): number {
    let count = 0;
    for (const { needs, active } of this.#groups.values()) {
      if (active.size > 0 && !isSomebodyEligible(needs)) count += active.size;
    }
    return count;
  }
}
