import { Counter, Histogram, Registry } from 'prom-client';
import type { JobKey } from '../domain/job/job.ts';
import type { Outcome, RunId, SkipReason } from '../domain/run/run.ts';
import type { Milliseconds } from '../domain/time.ts';
import { fromZero, keepsExemplars, observedGauge } from '../observability/registry.ts';
import { skipsCounter } from '../observability/skips.ts';
import { traceIdOf } from '../observability/trace-context.ts';
import { JobMetrics } from './job-metrics.ts';

/** What became of something that a worker wanted to decide. */
export const ClaimResult = { Won: 'won', Lost: 'lost', Withdrawn: 'withdrawn', Unanswered: 'unanswered' } as const;
export type ClaimResult = (typeof ClaimResult)[keyof typeof ClaimResult];

/** What metrics ask of a run. */
interface AboutRun {
  readonly run: RunId;
  readonly entry: { readonly key: JobKey };
}

const lateness = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 30, 300];
const outcomes = ['Succeeded', 'Failed', 'TimedOut', 'Killed', 'Lost'] as const satisfies readonly Outcome[];
const durations = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 14_400];

/** The worker's metrics, under the names of the design: base units, `cronmesh_` prefix. */
export class WorkerMetrics {
  readonly #starts: Counter<'outcome'>;
  readonly #finished: Counter<'outcome'>;
  readonly #handovers: Counter;
  readonly #claims: Counter<'result'>;
  readonly #skips: Counter<'reason'>;
  readonly #startLateness: Exemplified;
  readonly #durations: Exemplified;
  readonly #claimLateness: Histogram;
  readonly #jobs: JobMetrics | undefined;

  /** The functions are asked at each scrape. */
  constructor(
    registry: Registry = new Registry(),
    worker: {
      readonly capacity: () => number;
      readonly used: () => number;
      readonly jobs: () => number;
      readonly cordoned?: () => boolean;
      readonly ready?: () => boolean;
      /** The age of the newest beat that was seen. */
      readonly watchLag?: () => Milliseconds;
      /** So many jobs get series of their own. Default 0. */
      readonly perJob?: number;
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
    fromZero(this.#starts, 'outcome', ['started', 'refused']);
    fromZero(this.#finished, 'outcome', outcomes);
    fromZero(this.#claims, 'result', Object.values(ClaimResult));
    this.#skips = skipsCounter(registry);
    this.#startLateness = new Exemplified(registry, {
      name: 'cronmesh_run_start_lateness_seconds',
      help: 'From a tick to the start of its process or request.',
      buckets: lateness,
    });
    this.#durations = new Exemplified(registry, {
      name: 'cronmesh_run_duration_seconds',
      help: 'From the start of an attempt to its end, of those that this worker started.',
      buckets: durations,
    });
    this.#claimLateness = new Histogram({
      name: 'cronmesh_claim_lateness_seconds',
      help: 'From a tick to the commit of its claim.',
      buckets: lateness,
      registers,
    });
    const show = (name: string, help: string, value: () => number): void => observedGauge(registry, name, help, value);
    show('cronmesh_worker_running', 'Runs claimed or going.', worker.used);
    show('cronmesh_worker_capacity', 'Runs that may go at once.', () => worker.capacity());
    show('cronmesh_worker_saturation', 'Running over capacity, 0 to 1.', () =>
      Math.min(1, worker.used() / worker.capacity()),
    );
    show('cronmesh_worker_cordoned', '1 while it is cordoned or drained by hand.', () => (worker.cordoned?.() ? 1 : 0));
    show('cronmesh_worker_ready', '1 while it claims, as /readyz says.', () => (worker.ready?.() ? 1 : 0));
    show('cronmesh_worker_jobs', 'Jobs that this worker may run.', worker.jobs);
    const lag = "How old the newest beat of the masters' leader is that this worker has seen in Consul.";
    show('cronmesh_watch_lag_seconds', lag, () => Math.max(0, worker.watchLag?.() ?? 0) / 1_000);
    if (worker.perJob) this.#jobs = new JobMetrics(registry, worker.perJob);
  }

  claimed(lateness: Milliseconds): void {
    this.#claimLateness.observe(Math.max(0, lateness) / 1_000);
  }

  /** `lateness` only for runs of a live tick. */
  started(about: AboutRun, lateness: Milliseconds | undefined): void {
    this.#starts.inc({ outcome: 'started' });
    if (lateness === undefined) return;
    const seconds = Math.max(0, lateness) / 1_000;
    this.#startLateness.observe(seconds, about.run);
    this.#jobs?.started(about.entry.key, seconds);
  }

  refused(): void {
    this.#starts.inc({ outcome: 'refused' });
  }

  /** `took` only for attempts that this worker started. */
  finished(about: AboutRun, outcome: Outcome, took: Milliseconds | undefined): void {
    this.#finished.inc({ outcome });
    const seconds = took === undefined ? undefined : Math.max(0, took) / 1_000;
    if (seconds !== undefined) this.#durations.observe(seconds, about.run);
    this.#jobs?.finished(about.entry.key, outcome, seconds);
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

/** A histogram whose exemplars are the runs' traces, where the registry keeps exemplars. */
class Exemplified {
  readonly #observe: (value: number, run: RunId) => void;

  constructor(registry: Registry, about: { name: string; help: string; buckets: number[] }) {
    const enableExemplars = keepsExemplars(registry);
    const histogram = new Histogram({ ...about, registers: [registry], enableExemplars });
    this.#observe = enableExemplars
      ? (value, run) => histogram.observe({ labels: {}, value, exemplarLabels: { trace_id: traceIdOf(run) } })
      : value => histogram.observe(value);
  }

  observe(seconds: number, run: RunId): void {
    this.#observe(seconds, run);
  }
}
