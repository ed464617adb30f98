import type { JobUid } from '../../domain/job/job.ts';
import type { RunId } from '../../domain/run/run.ts';
import type { Instant, Milliseconds } from '../../domain/time.ts';
import type { ChangedRun, ChangePosition } from '../../store/store.ts';
import type { Office } from './office.ts';

/** What follows from the end of runs: chains, notifications, pauses. */
export interface EndingsListener {
  /** Of which jobs it wants to hear. Asked at each look. */
  jobs(): Iterable<JobUid>;
  /**
   * Runs of these jobs, and perhaps of others, that ended for good, in the order in which that was recorded. A new
   * leader tells the last ones again, and after a failure all of them come again: whatever follows must be the same when
   * done twice. What is `Lost` may come once more, settled by a late report.
   */
  ended(runs: readonly ChangedRun[]): Promise<void>;
}

const walkName = 'endings';
const page = 2_000;
/** Looked at again each time: masters' clocks differ by up to a second, and a commit may be late. */
const overlap: Milliseconds = 5_000;
/** … and once at the beginning of a term, since what was told after the last save is not known. */
const overlapOfTerm: Milliseconds = 30_000;
const saveEvery: Milliseconds = 5_000;

/** Tells each end of a run once to whom it concerns, however often leaders change. The cost is by what ended. */
export class Endings {
  readonly #office: Office;
  readonly #listeners: readonly EndingsListener[];
  readonly #seen = new Map<RunId, { readonly changedAt: Instant; readonly state: string }>();
  #latest: Instant | undefined;
  #savedAt = 0;

  constructor(office: Office, listeners: readonly EndingsListener[]) {
    this.#office = office;
    this.#listeners = listeners;
  }

  /** @throws StaleTermError, and what a listener throws: then the next pass tells all of it again */
  async pass(): Promise<void> {
    const { store, clock } = this.#office;
    const now = clock();
    this.#latest ??= await this.#begin(now);
    const jobs = new Set(this.#listeners.flatMap(listener => [...listener.jobs()]));
    const fresh: ChangedRun[] = [];
    let latest = this.#latest;
    if (jobs.size === 0) latest = now;
    else {
      let position: ChangePosition = { changedAt: this.#latest - overlap, id: '' };
      for (let count = page; count === page; ) {
        const ended = await store.runsEndedAfter(position, page, [...jobs]);
        count = ended.length;
        position = ended.at(-1) ?? position;
        fresh.push(...ended.filter(run => !this.#knows(run)));
      }
      // A master whose clock is ahead must not hide what the others write.
      latest = Math.min(now, Math.max(latest, position.changedAt));
    }
    // Several may have been recorded in one millisecond.
    fresh.sort((a, b) => a.changedAt - b.changedAt || (a.finishedAt ?? 0) - (b.finishedAt ?? 0));
    if (fresh.length > 0) for (const listener of this.#listeners) await listener.ended(fresh);
    for (const run of fresh) this.#seen.set(run.id, { changedAt: run.changedAt, state: run.state });
    for (const [id, { changedAt }] of this.#seen) if (changedAt < latest - overlapOfTerm) this.#seen.delete(id);
    this.#latest = latest;
    await this.#save(now);
  }

  async #begin(now: Instant): Promise<Instant> {
    const saved = await this.#office.store.getWalk(walkName);
    return saved === undefined ? now : saved.changedAt - overlapOfTerm;
  }

  async #save(now: Instant): Promise<void> {
    if (this.#latest === undefined || now - this.#savedAt < saveEvery) return;
    const { store, term } = this.#office;
    await store.saveWalk(term, walkName, { changedAt: this.#latest, id: '' });
    this.#savedAt = now;
  }

  #knows(run: ChangedRun): boolean {
    const seen = this.#seen.get(run.id);
    return seen?.changedAt === run.changedAt && seen.state === run.state;
  }
}
