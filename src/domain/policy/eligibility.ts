import { type ExecutorKind, executorKind, type JobSpec, type Labels } from '../job/spec.ts';

/** What of a worker decides which jobs it may run. */
export interface WorkerTraits {
  readonly labels: Labels;
  readonly executors: readonly ExecutorKind[];
  /** Whether it may use the Kubernetes API: for kubernetes jobs, and to read what `secretRefs` name. */
  readonly kubernetes: boolean;
}

type Needs = Pick<JobSpec, 'executor' | 'placement' | 'secretRefs'>;

function needsKubernetes(spec: Needs): boolean {
  if (spec.executor.kubernetes !== undefined) return true;
  // What a worker has of its own, variables and files, is known by itself alone: such a run fails where it is missing.
  return spec.secretRefs?.some(ref => ref.secretKeyRef !== undefined || ref.configMapKeyRef !== undefined) ?? false;
}

/** Whether a worker may run a job: it has the executor, the access, and every label that the selector asks for. */
export function isEligible(worker: WorkerTraits, spec: Needs): boolean {
  if (!worker.executors.includes(executorKind(spec))) return false;
  if (needsKubernetes(spec) && !worker.kubernetes) return false;
  return Object.entries(spec.placement.selector.matchLabels).every(([key, value]) => worker.labels[key] === value);
}

/** What a job asks of its worker, for people: `selector zone=a, executor shell`. */
export function needsClause(spec: Needs): string {
  const wanted = Object.entries(spec.placement.selector.matchLabels).map(([key, value]) => `${key}=${value}`);
  const selector = wanted.length === 0 ? [] : [`selector ${wanted.join(',')}`];
  const access = needsKubernetes(spec) ? ['access to Kubernetes'] : [];
  return [...selector, `executor ${executorKind(spec)}`, ...access].join(', ');
}

/** Jobs with the same class are eligible on the same workers: ranks are kept for each class, not for each job. */
export function eligibilityClass(spec: Needs): string {
  const wanted = Object.entries(spec.placement.selector.matchLabels).sort(([a], [b]) => (a < b ? -1 : 1));
  const access = needsKubernetes(spec) ? '+kubernetes' : '';
  return `${executorKind(spec)}${access} ${wanted.map(([key, value]) => `${key}=${value}`).join(',')}`;
}
