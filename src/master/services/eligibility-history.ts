import { isEligible, type JobNeeds, type WorkerTraits } from '../../domain/policy/eligibility.ts';
import { timing } from '../../domain/policy/timing.ts';
import type { Instant } from '../../domain/time.ts';

/** From `at` on these workers were ready; `undefined`: from `at` on the catalog was not seen. */
interface Sighting {
  readonly at: Instant;
  readonly ready: readonly WorkerTraits[] | undefined;
}

/** Catalog changes kept; before the oldest, nothing was seen. */
const kept = 1_000;

/** Which workers were ready when, as far as this process saw the catalog. */
export class EligibilityHistory {
  readonly #sightings: Sighting[] = [];

  /** The catalog shows these ready workers from now on. */
  saw(at: Instant, ready: readonly WorkerTraits[]): void {
    this.#add({ at, ready });
  }

  /** The catalog is not seen from now on. */
  lost(at: Instant): void {
    if (this.#sightings.at(-1)?.ready !== undefined) this.#add({ at, ready: undefined });
  }

  /**
   * Whether an eligible worker was ready at some instant of [from, to]: `some`; `none` when the catalog was seen all
   * that time and showed none; `away` when Consul did not answer in between; else `unseen`.
   */
  eligibleDuring(needs: JobNeeds, from: Instant, to: Instant): 'some' | 'none' | 'away' | 'unseen' {
    let away = false;
    for (let i = this.#sightings.length - 1; i >= 0; i--) {
      const sighting = this.#sightings[i];
      if (sighting === undefined || sighting.at > to) continue;
      if (sighting.ready === undefined) away = true;
      else if (sighting.ready.some(worker => isEligible(worker, needs))) return 'some';
      if (sighting.at <= from) return away ? 'away' : 'none';
    }
    return 'unseen';
  }

  /** When what was seen changed, of interest to ticks after `tick`. */
  changesAfter(tick: Instant): readonly Instant[] {
    return this.#sightings.filter(({ at }) => at + timing.liveWindow >= tick).map(({ at }) => at);
  }

  #add(sighting: Sighting): void {
    this.#sightings.push(sighting);
    if (this.#sightings.length > kept) this.#sightings.shift();
  }
}
