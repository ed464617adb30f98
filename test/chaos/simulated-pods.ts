import type { StartRequest } from '../../src/worker/supervisor/protocol.ts';
import type { ObservedStart } from './history.ts';
import { as } from './virtual-time.ts';

/** A Job of Kubernetes: it goes on whatever becomes of the workers. */
interface Job {
  readonly name: string;
  readonly uid: string;
  readonly observed: ObservedStart;
  deleted: boolean;
}

/** The part of Kubernetes that runs Jobs, each once for its name. */
export class SimulatedPods {
  readonly #jobs = new Map<string, Job>();
  readonly #starts: ObservedStart[];
  /** Attempts that another worker took on. */
  adopted = 0;

  constructor(starts: ObservedStart[]) {
    this.#starts = starts;
  }

  find(request: StartRequest): Job | undefined {
    return this.#jobs.get(nameOf(request));
  }

  /** The Jobs of the same cron job that go on, but for the request's own. */
  living(request: StartRequest): number {
    return [...this.#jobs.values()].filter(
      one => one.uid === request.job.uid && one.name !== nameOf(request) && one.observed.endedAt === undefined,
    ).length;
  }

  /** Creates the Job, or finds that it exists. */
  create(request: StartRequest, observed: ObservedStart, duration: number): Job {
    const name = nameOf(request);
    const there = this.#jobs.get(name);
    if (there !== undefined) return there;
    const job: Job = { name, uid: request.job.uid, observed, deleted: false };
    this.#jobs.set(name, job);
    this.#starts.push(observed);
    as(undefined, () => setTimeout(() => this.#end(job), duration));
    return job;
  }

  delete(job: Job): void {
    job.deleted = true;
    this.#end(job);
  }

  #end(job: Job): void {
    job.observed.endedAt ??= Date.now();
  }
}

const nameOf = ({ run, attempt }: StartRequest): string => `${run}-${attempt}`;
