import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Outcome, SkipReason } from '../domain/run/run.ts';
import type { Milliseconds } from '../domain/time.ts';
import { skipsCounter } from '../observability/skips.ts';

/** What became of something that a worker wanted to decide. */
export type ClaimResult = 'won' | 'lost' | 'withdrawn' | 'unanswered';

const buckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 30, 300];

/** The worker's metrics, under the names of the design: base units, `cronmesh_` prefix. */
export class WorkerMetrics {
  readonly #starts: Counter<'outcome'>;
  readonly #finished: Counter<'outcome'>;
  readonly #handovers: Counter;
  readonly #claims: Counter<'result'>;
  readonly #skips: Counter<'reason'>;
  readonly #startLateness: Histogram;
  readonly #claimLateness: Histogram;

  /** `used` and `jobs` are asked at each scrape. */
  constructor(
    registry: Registry = new Registry(),
    worker: {
      readonly capacity: () => number;
      readonly used: () => number;
      readonly jobs: () => number;
      readonly cordoned?: () => boolean;
    },
  ) {
    const registers = [registry];
    this.#starts = new Counter({
      name: 'cronmesh_run_starts_total',
      help: 'Runs handed to the supervisor, by whether they were started or refused.',
      labelNames: ['outcome'],
      registers,
    });
    this.#finished = new Counter({
      name: 'cronmesh_run_finishes_total',
      help: 'Attempts that ended, by outcome.',
      labelNames: ['outcome'],
      registers,
    });
    this.#handovers = new Counter({
      name: 'cronmesh_run_handovers_total',
      help: 'Runs that this worker left to another one while they went on (kubernetes).',
      registers,
    });
    this.#claims = new Counter({
      name: 'cronmesh_claims_total',
      help: 'Claims by result: won, lost to another worker, withdrawn before sending, unanswered.',
      labelNames: ['result'],
      registers,
    });
    this.#skips = skipsCounter(registry);
    this.#startLateness = new Histogram({
      name: 'cronmesh_run_start_lateness_seconds',
      help: 'From a tick to the start of its process or request.',
      buckets,
      registers,
    });
    this.#claimLateness = new Histogram({
      name: 'cronmesh_claim_lateness_seconds',
      help: 'From a tick to the commit of its claim.',
      buckets,
      registers,
    });
    gauge(registers, 'cronmesh_worker_running', 'Runs claimed or going.', worker.used);
    gauge(registers, 'cronmesh_worker_capacity', 'Runs that may go at once.', () => worker.capacity());
    gauge(registers, 'cronmesh_worker_saturation', 'Running over capacity, 0 to 1.', () =>
      Math.min(1, worker.used() / worker.capacity()),
    );
    gauge(registers, 'cronmesh_worker_cordoned', '1 while it is cordoned or drained by hand.', () =>
      worker.cordoned?.() ? 1 : 0,
    );
    gauge(registers, 'cronmesh_worker_jobs', 'Jobs that this worker may run.', worker.jobs);
  }

  claimed(lateness: Milliseconds): void {
    this.#claimLateness.observe(Math.max(0, lateness) / 1_000);
  }

  /** `lateness` only for runs of a live tick. */
  started(lateness: Milliseconds | undefined): void {
    this.#starts.inc({ outcome: 'started' });
    if (lateness !== undefined) this.#startLateness.observe(Math.max(0, lateness) / 1_000);
  }

  refused(): void {
    this.#starts.inc({ outcome: 'refused' });
  }

  finished(outcome: Outcome): void {
    this.#finished.inc({ outcome });
  }

  handedOver(): void {
    this.#handovers.inc();
  }

  claim(result: ClaimResult): void {
    this.#claims.inc({ result });
  }

  skipped(reason: SkipReason, ticks: number): void {
    this.#skips.inc({ reason }, ticks);
  }
}

function gauge(registers: Registry[], name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(value());
    },
  });
}
