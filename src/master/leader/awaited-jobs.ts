import { type JobKey, type JobUid, jobKey } from '../../domain/job/job.ts';
import type { JobSpell } from '../../store/store.ts';
import type { SpellIndex } from './spell-agenda.ts';

/** The jobs that others come after, whether they are there or not. */
export class AwaitedJobs implements SpellIndex {
  /** Of each job that comes after others: which. */
  readonly #above = new Map<JobUid, readonly JobKey[]>();
  /** How many come after each. */
  readonly #counts = new Map<JobKey, number>();

  keys(): Iterable<JobKey> {
    return this.#counts.keys();
  }

  has(job: JobKey): boolean {
    return this.#counts.has(job);
  }

  opened({ uid, namespace, spec }: JobSpell): void {
    this.#set(
      uid,
      (spec.after ?? []).map(({ job: name }) => jobKey({ namespace, name })),
    );
  }

  closed(uid: JobUid): void {
    this.#set(uid, []);
  }

  #set(uid: JobUid, above: readonly JobKey[]): void {
    for (const upstream of this.#above.get(uid) ?? []) {
      const left = (this.#counts.get(upstream) ?? 1) - 1;
      if (left === 0) this.#counts.delete(upstream);
      else this.#counts.set(upstream, left);
    }
    if (above.length === 0) this.#above.delete(uid);
    else this.#above.set(uid, above);
    for (const upstream of above) this.#counts.set(upstream, (this.#counts.get(upstream) ?? 0) + 1);
  }
}
