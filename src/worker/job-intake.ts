import type { Coordinator, Index } from '../coordination/coordinator.ts';
import { JobFeed } from '../coordination/feed.ts';
import type { JobRecord } from '../coordination/records.ts';
import type { JobKey } from '../domain/job/job.ts';
import { isEligible, type WorkerTraits } from '../domain/policy/eligibility.ts';
import type { Logger } from '../observability/logger.ts';
import type { Agenda } from './agenda/agenda.ts';
import { toEntry } from './agenda/entry.ts';
import type { Peers } from './peers.ts';

export interface JobIntakeOptions {
  readonly coordinator: Coordinator;
  /** What the worker may run; `reread` after a change. */
  readonly traits: () => WorkerTraits;
  readonly agenda: Agenda;
  readonly peers: Pick<Peers, 'classOf'>;
  /** A job has another form than before. */
  readonly onChange: (job: JobKey) => void;
  readonly logger: Logger;
}

/** Brings the jobs that the worker may run from the feed into its agenda. */
export class JobIntake {
  readonly #options: JobIntakeOptions;
  readonly #feed: JobFeed;
  /** Jobs that are to be read again. */
  readonly #stale = new Set<JobKey>();
  #isLoaded = false;

  constructor(options: JobIntakeOptions) {
    const { coordinator, logger } = options;
    this.#options = options;
    this.#feed = new JobFeed({
      coordinator,
      logger,
      onJob: (key, record, index) => this.#take(key, record, index),
    });
  }

  /** Every job has been read once. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Resolves when every job has been read once, or at `stop`. */
  async start(): Promise<void> {
    await this.#feed.start();
    this.#isLoaded = true;
  }

  stop(): Promise<void> {
    return this.#feed.stop();
  }

  /** Reads all jobs anew. */
  reread(): Promise<void> {
    return this.#feed.resync();
  }

  /** A claim found that a job's key has moved: its newer form is read at once, many together. */
  refresh(job: JobKey): void {
    if (this.#stale.size === 0) {
      setImmediate(() => {
        const jobs = [...this.#stale];
        this.#stale.clear();
        this.#feed.refresh(jobs).catch(error => {
          this.#options.logger.debug({ err: error }, 'jobs could not be read again');
        });
      });
    }
    this.#stale.add(job);
  }

  #take(key: JobKey, record: JobRecord | undefined, index: Index): void {
    const { agenda, peers, traits, onChange, logger } = this.#options;
    if (record === undefined || !isEligible(traits(), record.spec)) {
      agenda.remove(key);
      return;
    }
    const known = agenda.job(key);
    if (known?.index === index && known.uid === record.uid && known.revision === record.revision) return;
    onChange(key);
    try {
      agenda.set(toEntry(record, index, peers.classOf(record.spec)));
    } catch (error) {
      logger.error({ err: error, job: key }, 'a job is left out: its schedule cannot be read by this version');
      agenda.remove(key);
    }
  }
}
