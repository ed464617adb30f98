import { type ExecutorKind, executorKind, type JobSpec, type Labels, type Requirement } from '../job/spec.ts';

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

/** What of a placement decides which workers it means. */
export type Where = Pick<JobSpec['placement'], 'selector'>;

/** What of a job decides who may run it. */
export type JobNeeds = Pick<JobSpec, 'executor' | 'secretRefs'> & { readonly placement: Where };

function needsKubernetes(spec: JobNeeds): boolean {
  if (spec.executor.kubernetes !== undefined) return true;
  // What a worker has of its own, variables and files, is known by itself alone: such a run fails where it is missing.
  return spec.secretRefs?.some(ref => ref.secretKeyRef !== undefined || ref.configMapKeyRef !== undefined) ?? false;
}

/** Whether a worker may run a job: it has the executor, what it names, the access, and the labels that the selector asks for. */
export function isEligible(worker: WorkerTraits, spec: JobNeeds): boolean {
  const kind = executorKind(spec);
  if (!worker.executors.includes(kind)) return false;
  const { module, custom } = spec.executor;
  if (module !== undefined && !worker.modules?.includes(module.name)) return false;
  if (custom !== undefined && !worker.customs?.includes(custom.name)) return false;
  if (needsKubernetes(spec) && !worker.kubernetes) return false;
  // A job that an earlier version published has no expressions.
  const { matchLabels, matchExpressions = [] } = spec.placement.selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labelOf(worker, key) === value) &&
    matchExpressions.every(requirement => satisfies(labelOf(worker, requirement.key), requirement))
  );
}

function labelOf({ labels }: WorkerTraits, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** As Kubernetes' label selectors: a label that is not there is in no list. */
function satisfies(label: string | undefined, { operator, values }: Requirement): boolean {
  switch (operator) {
    case 'In':
      return label !== undefined && values.includes(label);
    case 'NotIn':
      return label === undefined || !values.includes(label);
    case 'Exists':
      return label !== undefined;
    case 'DoesNotExist':
      return label === undefined;
  }
}

/** What a job asks of its worker, for people: `selector zone=a, executor shell`. */
export function needsClause(spec: JobNeeds): string {
  const { matchLabels, matchExpressions = [] } = spec.placement.selector;
  const wanted = [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(({ key, operator, values }) =>
      values.length === 0 ? `${key} ${operator}` : `${key} ${operator} (${values.join(' ')})`,
    ),
  ];
  const selector = wanted.length === 0 ? [] : [`selector ${wanted.join(',')}`];
  const { name } = spec.executor.module ?? spec.executor.custom ?? {};
  const access = needsKubernetes(spec) ? ['access to Kubernetes'] : [];
  return [...selector, `executor ${executorKind(spec)}${name === undefined ? '' : ` ${name}`}`, ...access].join(', ');
}

/** Jobs with the same class are eligible on the same workers: ranks are kept for each class, not for each job. */
export function eligibilityClass(spec: JobNeeds): string {
  const { matchLabels, matchExpressions = [] } = spec.placement.selector;
  const wanted = [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(({ key, operator, values }) => `${key} ${operator} (${[...values].sort().join(' ')})`),
  ];
  const { module, custom } = spec.executor;
  const named = module ?? custom;
  const access = needsKubernetes(spec) ? '+kubernetes' : '';
  return `${executorKind(spec)}${named === undefined ? '' : `:${named.name}`}${access} ${wanted.sort().join(',')}`;
}

/** The detail of a skip with NoEligibleWorker. */
export const nobodyEligible = 'no ready worker had its labels and executor';
