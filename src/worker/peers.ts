import type { Coordinator, ServiceInstance } from '../coordination/coordinator.ts';
import { watchService } from '../coordination/watch.ts';
import { decodeWorkerMeta, type WorkerMeta, workerService } from '../coordination/worker-service.ts';
import { eligibilityClass, isEligible, type JobNeeds } from '../domain/policy/eligibility.ts';
import { RankTable } from '../domain/policy/ranks.ts';
import type { WorkerId } from '../domain/run/run.ts';
import type { Logger } from '../observability/logger.ts';

/** Jobs that the same workers may run. */
export interface EligibilityClass {
  readonly name: string;
  /** One of its jobs' specs, as far as it decides. */
  readonly sample: JobNeeds;
}

export interface PeersOptions {
  readonly coordinator: Coordinator;
  readonly logger: Logger;
  /** The ready workers are others than before; these are gone. */
  readonly onChange: (gone: ReadonlySet<WorkerId>) => void;
}

/** The ready workers of the catalog, and the ranks that follow from them. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #stopping = new AbortController();
  readonly #classes = new Map<string, EligibilityClass>();
  readonly #tables = new Map<EligibilityClass, RankTable>();
  #ready = new Map<WorkerId, WorkerMeta>();
  #watching: Promise<void> | undefined;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  get workers(): ReadonlyMap<WorkerId, WorkerMeta> {
    return this.#ready;
  }

  /** The one class object for all jobs with the same needs. */
  classOf(spec: JobNeeds): EligibilityClass {
    const name = eligibilityClass(spec);
    const known = this.#classes.get(name);
    if (known !== undefined) return known;
    const { executor, placement, secretRefs } = spec;
    const made = { name, sample: { executor, placement, ...(secretRefs !== undefined && { secretRefs }) } };
    this.#classes.set(name, made);
    return made;
  }

  /** The configured names of the ready workers that may run these jobs. */
  names(eligibility: EligibilityClass): readonly string[] {
    return this.ranks(eligibility).workers.flatMap(id => this.#ready.get(id)?.name ?? []);
  }

  /** The ranks of the ready workers that may run these jobs. */
  ranks(eligibility: EligibilityClass): RankTable {
    const known = this.#tables.get(eligibility);
    if (known !== undefined) return known;
    const eligible = [...this.#ready].filter(([, meta]) => isEligible(meta, eligibility.sample)).map(([id]) => id);
    const table = RankTable.build(eligible);
    this.#tables.set(eligibility, table);
    return table;
  }

  start(): void {
    this.#watching = watchService(this.#options.coordinator, workerService, {
      signal: this.#stopping.signal,
      spacing: 20,
      onChange: instances => this.#take(instances),
      onError: (error, attempt) => this.#options.logger.warn({ err: error, attempt }, 'the catalog cannot be read'),
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
  }

  #take(instances: readonly ServiceInstance[]): void {
    const before = this.#ready;
    const ready = new Map(
      instances.filter(one => one.passing).map(one => [one.id as WorkerId, decodeWorkerMeta(one)] as const),
    );
    const gone = new Set([...before.keys()].filter(id => !ready.has(id)));
    this.#ready = ready;
    if (gone.size === 0 && ready.size === before.size) return;
    this.#tables.clear();
    this.#options.logger.info({ ready: ready.size, gone: [...gone] }, 'the ready workers changed');
    this.#options.onChange(gone);
  }
}
