import { Counter, Gauge, type Registry, Summary } from 'prom-client';
import { type JobKey, splitJobKey } from '../domain/job/job.ts';
import type { Outcome } from '../domain/run/run.ts';

type JobLabels = 'job_namespace' | 'job_name';
type Labelled = Readonly<Record<JobLabels, string>>;

const names: JobLabels[] = ['job_namespace', 'job_name'];
/** No job can have this name. */
const other: Labelled = { job_namespace: '_other', job_name: '_other' };

/**
 * Series for single jobs: the first `most` that run here, all others together. Not `namespace` and `job`: those are
 * Prometheus' own. Five series a job, and one for each way its runs end.
 */
export class JobMetrics {
  readonly #most: number;
  readonly #known = new Map<JobKey, Labelled>();
  readonly #finishes: Counter<JobLabels | 'outcome'>;
  readonly #lateness: Summary<JobLabels>;
  readonly #durations: Summary<JobLabels>;
  readonly #lastSuccess: Gauge<JobLabels>;

  constructor(registry: Registry, most: number) {
    this.#most = most;
    const registers = [registry];
    this.#finishes = new Counter({
      name: 'cronmesh_job_run_finishes_total',
      help: 'Attempts that ended, by job and outcome.',
      labelNames: [...names, 'outcome'],
      registers,
    });
    const sums = { labelNames: names, percentiles: [], registers };
    this.#lateness = new Summary({
      name: 'cronmesh_job_run_start_lateness_seconds',
      help: 'From a tick to the start of its process or request, by job.',
      ...sums,
    });
    this.#durations = new Summary({
      name: 'cronmesh_job_run_duration_seconds',
      help: 'From the start of an attempt to its end, by job.',
      ...sums,
    });
    this.#lastSuccess = new Gauge({
      name: 'cronmesh_job_last_success_timestamp_seconds',
      help: 'When a run of the job last succeeded on this worker, in seconds since 1970.',
      labelNames: names,
      registers,
    });
  }

  started(job: JobKey, latenessSeconds: number): void {
    this.#lateness.observe(this.#labels(job), latenessSeconds);
  }

  finished(job: JobKey, outcome: Outcome, seconds: number | undefined): void {
    const labels = this.#labels(job);
    this.#finishes.inc({ ...labels, outcome });
    if (seconds !== undefined) this.#durations.observe(labels, seconds);
    if (outcome === 'Succeeded') this.#lastSuccess.setToCurrentTime(labels);
  }

  #labels(job: JobKey): Labelled {
    const known = this.#known.get(job);
    if (known !== undefined) return known;
    if (this.#known.size >= this.#most) return other;
    const { namespace, name } = splitJobKey(job);
    const labels = { job_namespace: namespace, job_name: name };
    this.#known.set(job, labels);
    return labels;
  }
}
