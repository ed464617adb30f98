import { type ExecutorKind, executorKind, type JobSpec, type Labels } from '../job/spec.ts';

/** What of a worker decides which jobs it may run. */
export interface WorkerTraits {
  readonly labels: Labels;
  readonly executors: readonly ExecutorKind[];
  /** Whether it may use the Kubernetes API: for kubernetes jobs, and to read what `secretRefs` name. */
  readonly kubernetes: boolean;
  /** The jobs that its modules define. */
  readonly modules?: readonly string[];
  /** The executors that its modules define. */
  readonly customs?: readonly string[];
}

type Needs = Pick<JobSpec, 'executor' | 'placement' | 'secretRefs'>;

function needsKubernetes(spec: Needs): boolean {
  if (spec.executor.kubernetes !== undefined) return true;
  // What a worker has of its own, variables and files, is known by itself alone: such a run fails where it is missing.
  return spec.secretRefs?.some(ref => ref.secretKeyRef !== undefined || ref.configMapKeyRef !== undefined) ?? false;
}

/** Whether a worker may run a job: it has the executor, what it names, the access, and every label that the selector asks for. */
export function isEligible(worker: WorkerTraits, spec: Needs): boolean {
  const kind = executorKind(spec);
  if (!worker.executors.includes(kind)) return false;
  const { module, custom } = spec.executor;
  if (module !== undefined && !worker.modules?.includes(module.name)) return false;
  if (custom !== undefined && !worker.customs?.includes(custom.name)) return false;
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
  const { module, custom } = spec.executor;
  const named = module ?? custom;
  const access = needsKubernetes(spec) ? '+kubernetes' : '';
  return `${executorKind(spec)}${named === undefined ? '' : `:${named.name}`}${access} ${wanted.map(([key, value]) => `${key}=${value}`).join(',')}`;
}
