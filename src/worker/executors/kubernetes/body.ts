import type { KubernetesExecutorSpec } from '../../../domain/job/spec.ts';
import type { StartRequest } from '../../supervisor/protocol.ts';
import { annotationKeys, jobNameOf, labelsOf } from './names.ts';

interface Variable {
  readonly name: string;
  readonly [field: string]: unknown;
}

type Container = KubernetesExecutorSpec['template']['spec']['containers'][number];

/** The batch/v1 Job of an attempt. What the template says stays as it is, but for what the run is found by. */
export function jobBody(request: StartRequest, spec: KubernetesExecutorSpec) {
  const { template } = spec;
  const labels = labelsOf(request);
  const annotations = annotationsOf(request);
  const { initContainers } = template.spec;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobNameOf(request),
      namespace: request.job.namespace,
      labels,
      annotations,
      ...(request.resource && { ownerReferences: [ownerOf(request.resource)] }),
    },
    spec: {
      backoffLimit: spec.backoffLimit,
      ttlSecondsAfterFinished: spec.ttlSecondsAfterFinished,
      activeDeadlineSeconds: Math.max(1, wholeSeconds(request.timeout)),
      template: {
        ...template,
        metadata: {
          ...template.metadata,
          labels: { ...template.metadata?.labels, ...labels },
          annotations: { ...template.metadata?.annotations, ...annotations },
        },
        spec: {
          terminationGracePeriodSeconds: wholeSeconds(request.grace),
          ...template.spec,
          containers: template.spec.containers.map((one, i) =>
            withArguments(withEnvironment(one, request), i, request),
          ),
          ...(Array.isArray(initContainers) && {
            initContainers: (initContainers as Container[]).map(one => withEnvironment(one, request)),
          }),
        },
      },
    },
  };
}

function annotationsOf(request: StartRequest): Record<string, string> {
  const tick = request.env.CRONMESH_TICK;
  return {
    [annotationKeys.job]: `${request.job.namespace}/${request.job.name}`,
    ...(tick !== undefined && { [annotationKeys.tick]: tick }),
  };
}

/** Deletes with the resource; `controller`, so that `kubectl describe` and others show whose it is. */
const ownerOf = ({ name, uid }: NonNullable<StartRequest['resource']>) => ({
  apiVersion: 'cronmesh.io/v1alpha1',
  kind: 'CronJob',
  name,
  uid,
  controller: true,
  blockOwnerDeletion: false,
});

/** What was asked for with the run takes the place of the first container's own. */
function withArguments(container: Container, place: number, { particulars }: StartRequest): Container {
  const args = particulars?.arguments;
  return place > 0 || args === undefined ? container : { ...container, args };
}

/**
 * The run's variables come first, so that the template's own may refer to them (`$(CRONMESH_TICK)`). A name that both
 * set is the run's where it begins with CRONMESH_ or was asked for with the run, else the template's.
 */
function withEnvironment(container: Container, { env, particulars }: StartRequest): Container {
  const ownEnv = particulars?.env ?? {};
  const own = Array.isArray(container.env) ? (container.env as Variable[]) : [];
  const set = new Set(own.map(({ name }) => name));
  // The order is that of their first naming.
  const all = { ...env, ...ownEnv, ...env };
  const isRuns = (name: string): boolean =>
    Object.hasOwn(ownEnv, name) || (Object.hasOwn(env, name) && name.startsWith('CRONMESH_'));
  return {
    ...container,
    env: [
      ...Object.entries(all).flatMap(([name, value]) => (isRuns(name) || !set.has(name) ? [{ name, value }] : [])),
      ...own.filter(({ name }) => !isRuns(name)),
    ],
  };
}

export const wholeSeconds = (milliseconds: number): number => Math.ceil(milliseconds / 1_000);
