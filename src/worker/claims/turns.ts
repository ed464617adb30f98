import type { JobKey } from '../../domain/job/job.ts';
import type { Due } from '../agenda/due.ts';

/**
 * One claim at a time for each job, and the earlier tick first: a cursor that has moved to a later tick leaves the
 * earlier ones behind as a gap, although they could have run.
 */
export class Turns {
  /** Jobs with a claim under way, and the ticks that come after it. */
  readonly #jobs = new Map<JobKey, Due[]>();

  /** It is this tick's turn. */
  begin(due: Due): void {
    this.#jobs.set(due.entry.key, []);
  }

  /** Lets another tick come after the one that has its turn. */
  follow(due: Due): void {
    const after = this.#jobs.get(due.entry.key);
    if (after !== undefined && !after.includes(due)) after.push(due);
  }

  isTaken(job: JobKey): boolean {
    return this.#jobs.has(job);
  }

  /** The claim is settled: gives the ticks that waited for it, the earliest first. */
  end(job: JobKey): readonly Due[] {
    const after = this.#jobs.get(job) ?? [];
    this.#jobs.delete(job);
    return after.sort((a, b) => a.tick - b.tick);
  }
}
