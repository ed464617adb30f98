import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubernetesSkip } from '../../../../test/support/kubernetes.ts';
import { temporaryNamespace } from '../../../../test/support/kubernetes-async.ts';
import { startProxy } from '../../../../test/support/kubernetes-proxy.ts';
import { jobsOf, list, newExecutor, numbers, run, seen } from '../../../../test/support/kubernetes-runs.ts';
import { kubernetesRequest } from '../../supervisor/testing/requests.ts';

const skip = kubernetesSkip();
const options = { skip, timeout: 180_000 };

/** About 50 lines a second for 20 s: longer than it takes to be cut five times. */
const talking = 'i=1; while [ $i -le 1000 ]; do echo $i; i=$((i+1)); sleep 0.015; done';

test('connections that are cut again and again lose nothing and repeat nothing', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const proxy = await startProxy(t);
  const request = kubernetesRequest(talking, { namespace });
  const { printed, result, texts } = run(newExecutor(proxy.kubeconfig), request);
  for (const line of [20, 100, 110, 200, 300]) {
    await printed(`\n${line}\n`);
    // The log and two watches, which come back one after another.
    await seen(async () => proxy.connections >= 3);
    proxy.cut();
  }
  assert.deepEqual(await result, { outcome: 'Succeeded', exitCode: 0 });
  assert.equal(texts.stdout, numbers(1_000));
});

test('an API server that is away while the Job ends is waited for', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const proxy = await startProxy(t);
  const request = kubernetesRequest('echo up; sleep 2; echo down; exit 6', { namespace });
  const { printed, result, texts } = run(newExecutor(proxy.kubeconfig), request);
  await printed('up');
  proxy.down();
  await new Promise(resolve => setTimeout(resolve, 6_000));
  proxy.up();
  const { outcome, exitCode } = await result;
  assert.deepEqual([outcome, exitCode], ['Failed', 6]);
  assert.equal(texts.stdout, 'up\ndown\n');
  assert.match(texts.system, /^(Jobs|pods) cannot be watched: the Kubernetes API does not answer: /m);
});

test('many runs at once share two watches', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const proxy = await startProxy(t);
  const executor = newExecutor(proxy.kubeconfig);
  const requests = Array.from({ length: 30 }, (_, index) => kubernetesRequest(`echo ${index}; sleep 1`, { namespace }));
  const runs = requests.map(request => run(executor, request));
  const results = await Promise.all(runs.map(({ result }) => result));
  assert.deepEqual(new Set(results.map(({ outcome }) => outcome)), new Set(['Succeeded']));
  assert.deepEqual(
    runs.map(({ texts }) => texts.stdout),
    runs.map((_, index) => `${index}\n`),
  );
  assert.equal((await list('jobs', namespace)).length, 30);
  assert.equal((await jobsOf(requests[0] ?? assert.fail())).length, 1);
});
