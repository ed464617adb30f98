import { type ExecutorKind, executorKind, type JobSpec, type Labels } from '../job/spec.ts';

/** What of a worker decides which jobs it may run. */
export interface WorkerTraits {
  readonly labels: Labels;
  readonly executors: readonly ExecutorKind[];
}

/** Whether a worker may run a job: it has the executor, and every label that the selector asks for. */
export function isEligible(worker: WorkerTraits, spec: Pick<JobSpec, 'executor' | 'placement'>): boolean {
  if (!worker.executors.includes(executorKind(spec))) return false;
  return Object.entries(spec.placement.selector.matchLabels).every(([key, value]) => worker.labels[key] === value);
}

/** Jobs with the same class are eligible on the same workers: ranks are kept for each class, not for each job. */
export function eligibilityClass(spec: Pick<JobSpec, 'executor' | 'placement'>): string {
  const wanted = Object.entries(spec.placement.selector.matchLabels).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${executorKind(spec)} ${wanted.map(([key, value]) => `${key}=${value}`).join(',')}`;
}
