import type { JobKey } from '../../domain/job/job.ts';
import type { RunId } from '../../domain/run/run.ts';

/** Something changed through this master. */
export type Change =
  | { readonly kind: 'job'; readonly job: JobKey }
  | { readonly kind: 'runs'; readonly runs: readonly RunId[] }
  /** Freezes, or cordons of workers. */
  | { readonly kind: 'brakes' };

/**
 * Tells listeners in this process what changed, so that a live page or a followed log need not wait for its next look
 * at the database. A hint and no more: other masters' changes do not appear here, so every listener also looks by itself.
 */
export class Changes {
  readonly #listeners = new Set<(change: Change) => void>();

  jobChanged(job: JobKey): void {
    this.#tell({ kind: 'job', job });
  }

  /** To be called after reports were committed, with the runs that they were about. */
  runsChanged(runs: readonly RunId[]): void {
    if (runs.length > 0) this.#tell({ kind: 'runs', runs });
  }

  brakesChanged(): void {
    this.#tell({ kind: 'brakes' });
  }

  /** Listeners must return at once and never throw. Gives the function that ends the subscription. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }
}
