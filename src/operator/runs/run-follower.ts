import { pause } from '../../coordination/pause.ts';
import { type JobKey, jobKey } from '../../domain/job/job.ts';
import { failedStates, type RunId } from '../../domain/run/run.ts';
import type { Clock, Instant, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { ChangedRun, ChangePosition } from '../../store/store.ts';
import type { Holding, Holdings } from '../holdings.ts';
import type { ResourceRuns } from '../ports.ts';

export interface RunFollowerOptions {
  readonly runs: ResourceRuns;
  readonly holdings: Holdings;
  readonly logger: Logger;
  /** Its runs changed. */
  readonly onChange: (key: JobKey) => void;
  /** A run ended badly: Failed, TimedOut or Lost. Told once for each, but for those that ended while nobody led. */
  readonly onTrouble: (run: ChangedRun) => void;
  readonly clock: Clock;
  /** Between looks. Default 2 s. */
  readonly every?: Milliseconds;
}

const page = 2_000;
/** Summaries asked for at once. */
const chunk = 500;
/** Looked at again each time: masters' clocks differ by up to a second, and a commit may be late. */
const overlap: Milliseconds = 5_000;

/**
 * Follows the runs of resources' jobs with one query every 2 s, and reads anew what the runs of the changed jobs come
 * to: the cost is by what happened, not by the number of jobs. What a late commit hid is found by the next resync.
 */
export class RunFollower {
  readonly #options: RunFollowerOptions;
  /** The latest change seen; undefined before the first look. */
  #latest: Instant | undefined;
  /** Changes within the overlap: told already. */
  readonly #seen = new Map<RunId, { readonly changedAt: Instant; readonly state: string }>();
  #failing = false;

  constructor(options: RunFollowerOptions) {
    this.#options = options;
  }

  /** Looks until the signal is aborted; the database may be away. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger, every = 2_000 } = this.#options;
    while (!signal.aborted) {
      try {
        await this.look();
        if (this.#failing) logger.info('runs can be read again');
        this.#failing = false;
      } catch (error) {
        if (!this.#failing)
          logger.warn({ reason: (error as Error).message }, 'runs cannot be read: status stands still');
        this.#failing = true;
      }
      await pause(every, signal);
    }
  }

  /** Reads what the runs of these jobs come to. */
  async load(holdings: readonly Holding[]): Promise<void> {
    for (let i = 0; i < holdings.length; i += chunk) {
      const jobs = holdings.slice(i, i + chunk).map(one => one.job);
      const summaries = await this.#options.runs.summaries(jobs.map(job => job.uid));
      for (const job of jobs) this.#options.holdings.summarize(jobKey(job), job.uid, summaries.get(job.uid));
    }
  }

  /** One look at what changed. */
  async look(): Promise<void> {
    const { runs, holdings, onChange, onTrouble, clock } = this.#options;
    // What is there at the first look was told by the leader before, where there was one.
    const first = this.#latest === undefined;
    const before = this.#latest ?? Math.min((await runs.lastChange()) ?? 0, clock());
    const fresh: ChangedRun[] = [];
    let position: ChangePosition = { changedAt: before - overlap, id: '' };
    let latest = before;
    for (let count = page; count === page; ) {
      const changed = await runs.changedAfter(position, page);
      count = changed.length;
      const last = changed.at(-1);
      if (last !== undefined) position = last;
      latest = Math.max(latest, position.changedAt);
      const isHeld = (run: ChangedRun) => holdings.get(jobKey(run))?.job.uid === run.jobUid;
      fresh.push(...changed.filter(run => (first || isHeld(run)) && !this.#knows(run)));
    }
    const touched = new Map<JobKey, Holding>();
    for (const run of fresh) {
      const holding = holdings.get(jobKey(run));
      if (holding?.job.uid === run.jobUid) touched.set(jobKey(run), holding);
    }
    await this.load([...touched.values()]);
    // Only now: when the read failed, all of it is fresh the next time. And a master whose clock is ahead must not hide
    // what the others write.
    this.#latest = Math.min(latest, clock());
    for (const run of fresh) {
      this.#seen.set(run.id, { changedAt: run.changedAt, state: run.state });
      if (failedStates.has(run.state) && !first) onTrouble(run);
    }
    for (const [id, { changedAt }] of this.#seen) if (changedAt < this.#latest - overlap) this.#seen.delete(id);
    for (const key of touched.keys()) onChange(key);
  }

  #knows(run: ChangedRun): boolean {
    const seen = this.#seen.get(run.id);
    return seen?.changedAt === run.changedAt && seen.state === run.state;
  }
}
