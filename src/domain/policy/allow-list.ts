import type { FieldProblem } from '../errors.ts';
import { CronmeshError } from '../errors.ts';
import { type ExecutorKind, executorKind, type JobSpec } from '../job/spec.ts';

/** What jobs of a namespace may be; `*` holds for every namespace without rules of its own. */
export type NamespaceRules = Readonly<Record<string, { readonly executors?: readonly ExecutorKind[] | undefined }>>;

/** Why a namespace does not allow a job's executor; undefined when it does. Without rules everything is allowed. */
export function executorProblem(
  rules: NamespaceRules,
  namespace: string,
  spec: Pick<JobSpec, 'executor'>,
): FieldProblem | undefined {
  const own = Object.hasOwn(rules, namespace) ? rules[namespace] : rules['*'];
  const kind = executorKind(spec);
  if (own?.executors === undefined || own.executors.includes(kind)) return undefined;
  const message = `is not allowed in namespace ${namespace}: allowed are ${own.executors.join(', ')}`;
  return { field: `spec.executor.${kind}`, message };
}

/** @throws CronmeshError Forbidden */
export function requireAllowed(rules: NamespaceRules, namespace: string, spec: Pick<JobSpec, 'executor'>): void {
  const problem = executorProblem(rules, namespace, spec);
  if (problem === undefined) return;
  throw new CronmeshError('Forbidden', `${problem.field} ${problem.message}`, { problems: [problem] });
}
