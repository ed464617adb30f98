import type { JobSpec } from '../../domain/job/spec.ts';
import { asMembers } from '../../domain/policy/members.ts';
import type { NewRun } from '../../store/store.ts';
import type { WorkerDirectory } from './workers.ts';

/** What of the directory is asked. */
export type EligibleWorkers = Pick<WorkerDirectory, 'eligible'>;

/**
 * The runs that a request for a run of a job comes to: itself, or with placement All or Shards its members. Whoever
 * makes a run asks here. None where mode All finds no worker that is ready: then nothing can run.
 */
export function runsFor(wanted: NewRun, spec: JobSpec, workers: EligibleWorkers): readonly NewRun[] {
  const names = spec.placement.mode === 'All' ? workers.eligible(spec).map(({ name }) => name) : [];
  return asMembers(wanted, spec.placement, names);
}
