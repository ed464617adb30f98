import { type Job, jobKey } from '../../domain/job/job.ts';
import { executorProblem, type NamespaceRules } from '../../domain/policy/allow-list.ts';
import { isEligible, needsClause } from '../../domain/policy/eligibility.ts';
import { frozenClause } from '../../domain/policy/freeze.ts';
import type { Clock } from '../../domain/time.ts';
import type { FreezeService } from './freezes.ts';
import type { WorkerView } from './workers.ts';

export interface StandingDependencies {
  readonly workers: { readonly current: boolean; list(): readonly WorkerView[] };
  readonly freezes: Pick<FreezeService, 'known'>;
  readonly rules?: NamespaceRules | undefined;
  readonly clock: Clock;
}

/** What keeps jobs from running as things are now, one sentence each. */
export class StandingService {
  readonly #deps: StandingDependencies;

  constructor(deps: StandingDependencies) {
    this.#deps = deps;
  }

  /** By job key; jobs that nothing is wrong with are left out. */
  async of(jobs: readonly Job[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const { workers, freezes, rules = {}, clock } = this.#deps;
    const now = clock();
    const frozen = await freezes.known();
    const ready = workers.list().filter(worker => worker.ready);
    const found = new Map<string, readonly string[]>();
    for (const job of jobs) {
      const freeze = frozen.at(job.namespace, now);
      const forbidden = executorProblem(rules, job.namespace, job.spec);
      const problems = [
        // What is not seen is not known.
        workers.current && !ready.some(worker => isEligible(worker, job.spec))
          ? `no ready worker matches (${needsClause(job.spec)})`
          : undefined,
        freeze === undefined ? undefined : frozenClause(freeze, now),
        forbidden &&
          `${forbidden.field} ${forbidden.message}; it goes on, and can only be suspended, deleted or given another executor`,
      ].filter(problem => problem !== undefined);
      if (problems.length > 0) found.set(jobKey(job), problems);
    }
    return found;
  }
}
