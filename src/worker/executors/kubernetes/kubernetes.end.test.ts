import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubernetesSkip } from '../../../../test/support/kubernetes.ts';
import { kubectl, temporaryNamespace } from '../../../../test/support/kubernetes-async.ts';
import { startProxy } from '../../../../test/support/kubernetes-proxy.ts';
import { jobsOf, newExecutor, podsOf, run, seen } from '../../../../test/support/kubernetes-runs.ts';
import { kubernetesRequest } from '../../supervisor/testing/requests.ts';
import { isOver, type Pod } from './api/objects.ts';

const skip = kubernetesSkip();
const options = { skip, timeout: 120_000 };

const deaf = "trap 'echo deaf' TERM; echo up; while :; do sleep 0.2; done";

test('a kill ends a process deaf to TERM, with what it says until then, and leaves nothing', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const request = kubernetesRequest(deaf, { namespace, grace: 2_000 });
  const { execution, printed, result, texts } = run(newExecutor(), request);
  await printed('up');
  const began = performance.now();
  execution.end({ kind: 'killed', by: 'anna' }, request.grace);
  assert.deepEqual(await result, { outcome: 'Killed', message: 'killed by anna' });
  assert.equal(texts.stdout, 'up\ndeaf\n');
  assert.ok(performance.now() - began < 20_000);
  assert.deepEqual([await jobsOf(request), await podsOf(request)], [[], []]);
});

test('a second end asks for an earlier KILL, and the first reason stays', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const request = kubernetesRequest(deaf, { namespace, grace: 10_000 });
  const { execution, printed, result } = run(newExecutor(), request);
  await printed('up');
  execution.end({ kind: 'timeout' }, request.grace);
  await printed('deaf');
  execution.end({ kind: 'killed', by: 'anna' }, 500);
  // Whether the node heeds it is the node's affair (kubelet 1.35 keeps to the grace that it began with).
  await seen(async () => (await podsOf(request)).every(pod => graceOf(pod) === 1), 5_000);
  assert.deepEqual(await result, { outcome: 'TimedOut', message: 'ended after its timeout of 30 s' });
  assert.deepEqual(await podsOf(request), []);
});

const graceOf = ({ metadata }: Pod): number | undefined =>
  (metadata as { readonly deletionGracePeriodSeconds?: number }).deletionGracePeriodSeconds;

test('ended before its Job was made, nothing of it is left', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const executor = newExecutor();
  for (const wait of [0, 30, 100]) {
    const request = kubernetesRequest('sleep 1000', { namespace, grace: 0 });
    const { execution, result } = run(executor, request);
    await new Promise(resolve => setTimeout(resolve, wait));
    execution.end({ kind: 'killed', by: 'anna' }, 0);
    assert.deepEqual(await result, { outcome: 'Killed', message: 'killed by anna' });
    assert.deepEqual([await jobsOf(request), await podsOf(request)], [[], []]);
  }
});

test('a Job that somebody else deletes was killed, and its result waits for its pods', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const request = kubernetesRequest(deaf, { namespace, grace: 2_000 });
  const { printed, result } = run(newExecutor(), request);
  await printed('up');
  await kubectl(['-n', namespace, 'delete', 'job', '--all', '--cascade=background', '--wait=false']);
  assert.deepEqual(await result, { outcome: 'Killed', message: 'its Job was deleted' });
  assert.ok((await podsOf(request)).every(isOver));
});

test('a kill reaches an API server that was away', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const proxy = await startProxy(t);
  const request = kubernetesRequest('echo up; exec sleep 1000', { namespace, grace: 0 });
  const { execution, printed, result, texts } = run(newExecutor(proxy.kubeconfig), request);
  await printed('up');
  proxy.down();
  execution.end({ kind: 'killed', by: 'anna' }, 0);
  await seen(async () => texts.system.includes('its Job could not be deleted yet: the Kubernetes API does not answer'));
  assert.equal((await jobsOf(request)).length, 1);
  proxy.up();
  assert.deepEqual(await result, { outcome: 'Killed', message: 'killed by anna' });
  assert.deepEqual([await jobsOf(request), await podsOf(request)], [[], []]);
});
