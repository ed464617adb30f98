import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubernetesExecutor } from '../../../domain/job/spec/executors.ts';
import { kubernetesRequest } from '../../supervisor/testing/requests.ts';
import { jobBody } from './body.ts';

const container = (rest: object = {}) => ({ name: 'main', image: 'busybox', ...rest });

function bodyOf(spec: object, rest: Partial<Parameters<typeof kubernetesRequest>[1]> = {}, template: object = {}) {
  const executor = kubernetesExecutor.parse({ template: { ...template, spec } });
  return jobBody(kubernetesRequest('', { namespace: 'shop', ...rest }), executor);
}

test('timeout and grace are rounded up to seconds, and a grace of the template stays', () => {
  const body = bodyOf({ containers: [container()] }, { timeout: 1_001, grace: 2_500 });
  assert.equal(body.spec.activeDeadlineSeconds, 2);
  assert.equal(body.spec.template.spec.terminationGracePeriodSeconds, 3);
  assert.equal(bodyOf({ containers: [container()] }, { timeout: 1 }).spec.activeDeadlineSeconds, 1);
  const own = bodyOf({ containers: [container()], terminationGracePeriodSeconds: 7 });
  assert.equal(own.spec.template.spec.terminationGracePeriodSeconds, 7);
});

test('every container gets the run, before its own variables; CRONMESH_ names are the run’s', () => {
  const env = [
    { name: 'CRONMESH_RUN', value: 'forged' },
    { name: 'OWN', value: 'tick $(CRONMESH_TICK)' },
    { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'x', key: 'y' } } },
  ];
  const body = bodyOf(
    { containers: [container({ env }), container({ name: 'b' })], initContainers: [container({ name: 'i' })] },
    { env: { CRONMESH_RUN: 'r1', CRONMESH_TICK: '2026-01-01T00:00:00Z', OWN: 'no' } },
  );
  const { containers, initContainers } = body.spec.template.spec;
  assert.deepEqual(containers[0]?.env, [
    { name: 'CRONMESH_RUN', value: 'r1' },
    { name: 'CRONMESH_TICK', value: '2026-01-01T00:00:00Z' },
    { name: 'OWN', value: 'tick $(CRONMESH_TICK)' },
    { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'x', key: 'y' } } },
  ]);
  const names = (one: unknown) => (one as { env: { name: string }[] }).env.map(({ name }) => name);
  assert.deepEqual(names(containers[1]), ['CRONMESH_RUN', 'CRONMESH_TICK', 'OWN']);
  assert.deepEqual(names((initContainers as unknown[])[0]), ['CRONMESH_RUN', 'CRONMESH_TICK', 'OWN']);
  assert.equal(body.metadata.annotations['cronmesh.io/tick'], '2026-01-01T00:00:00Z');
});

test('labels are on Job and pods, the template’s own beside them, and the rest of the template is untouched', () => {
  const metadata = { labels: { team: 'a', 'cronmesh.io/run': 'forged' }, annotations: { note: 'x' } };
  const body = bodyOf({ containers: [container()], nodeSelector: { disk: 'ssd' }, newField: [1] }, {}, { metadata });
  const { labels, annotations } = body.spec.template.metadata;
  const spec: Record<string, unknown> = body.spec.template.spec;
  assert.equal(labels.team, 'a');
  assert.equal(labels['cronmesh.io/run'], body.metadata.labels['cronmesh.io/run']);
  assert.notEqual(labels['cronmesh.io/run'], 'forged');
  assert.equal(annotations.note, 'x');
  assert.equal(annotations['cronmesh.io/job'], 'shop/nightly.report');
  assert.deepEqual(spec.nodeSelector, { disk: 'ssd' });
  assert.deepEqual(spec.newField, [1]);
  assert.equal(body.spec.template.spec.restartPolicy, 'Never');
  assert.equal(body.spec.backoffLimit, 0);
  assert.equal(body.spec.ttlSecondsAfterFinished, 3_600);
});

test('the CronJob resource owns the Job, where there is one', () => {
  const body = bodyOf({ containers: [container()] }, { resource: { name: 'report', uid: 'u-1' } });
  assert.deepEqual(body.metadata.ownerReferences, [
    {
      apiVersion: 'cronmesh.io/v1alpha1',
      kind: 'CronJob',
      name: 'report',
      uid: 'u-1',
      controller: true,
      blockOwnerDeletion: false,
    },
  ]);
  assert.equal(bodyOf({ containers: [container()] }).metadata.ownerReferences, undefined);
});

test('what was asked for with the run goes over the template: args of the first container, variables of all', () => {
  const env = [
    { name: 'OWN', value: 'template' },
    { name: 'KEPT', value: 'x' },
  ];
  const body = bodyOf(
    { containers: [container({ env, args: ['old'] }), container({ name: 'b', args: ['b'] })] },
    {
      env: { CRONMESH_RUN: 'r1' },
      particulars: { env: { OWN: 'asked', CRONMESH_RUN: 'never' }, arguments: ['a b', '$x'] },
    },
  );
  const [first, second] = body.spec.template.spec.containers as { args?: string[]; env?: unknown }[];
  assert.deepEqual([first?.args, second?.args], [['a b', '$x'], ['b']]);
  assert.deepEqual(first?.env, [
    { name: 'CRONMESH_RUN', value: 'r1' },
    { name: 'OWN', value: 'asked' },
    { name: 'KEPT', value: 'x' },
  ]);
  assert.deepEqual(second?.env, [
    { name: 'CRONMESH_RUN', value: 'r1' },
    { name: 'OWN', value: 'asked' },
  ]);
  const plain = bodyOf({ containers: [container({ args: ['old'] })] });
  assert.deepEqual((plain.spec.template.spec.containers[0] as { args?: string[] }).args, ['old']);
});
