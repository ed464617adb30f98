import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubernetesSkip } from '../../../../test/support/kubernetes.ts';
import { kubectl, temporaryNamespace } from '../../../../test/support/kubernetes-async.ts';
import { startProxy } from '../../../../test/support/kubernetes-proxy.ts';
import { jobsOf, newExecutor, numbers, podsOf, run, seen } from '../../../../test/support/kubernetes-runs.ts';
import { kubernetesRequest } from '../../supervisor/testing/requests.ts';
import { KubernetesApi } from './api/api.ts';
import { loadConnection } from './api/connection.ts';
import { createKubernetesExecutor } from './index.ts';
import { jobNameOf } from './names.ts';

const skip = kubernetesSkip();
const options = { skip, timeout: 120_000 };

/** About 50 lines a second for 8 s. */
const talking = 'i=1; while [ $i -le 400 ]; do echo $i; i=$((i+1)); sleep 0.015; done';

test('let go of and adopted: one Job, and output neither lost nor repeated', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const request = kubernetesRequest(talking, { namespace });
  const first = run(newExecutor(), request);
  await first.printed('\n50\n');
  assert.equal(await first.execution.detach?.('its worker stops'), true);
  const printed = first.texts.stdout;
  await new Promise(resolve => setTimeout(resolve, 1_000));
  assert.equal(first.texts.stdout, printed);
  const second = run(newExecutor(), { ...request, handovers: 1 });
  await second.printed('\n200\n');
  assert.equal(await second.execution.detach?.('its worker stops'), true);
  const third = run(newExecutor(), { ...request, handovers: 2 });
  assert.deepEqual(await third.result, { outcome: 'Succeeded', exitCode: 0 });
  assert.equal(first.texts.stdout + second.texts.stdout + third.texts.stdout, numbers(400));
  assert.match(second.texts.system, /^follows Job nightly-report-/m);
  assert.ok(!second.texts.system.includes('may come twice'));
  assert.equal((await jobsOf(request)).length, 1);
  assert.equal((await podsOf(request)).length, 1);
  assert.equal(await Promise.race([first.result, Promise.resolve('never')]), 'never');
});

test('adopted from a worker that died, it says that output may come twice', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const request = kubernetesRequest('echo one; sleep 3; echo two; exit 4', { namespace });
  const first = run(newExecutor(), request);
  await first.printed('one');
  const second = run(newExecutor(), { ...request, handovers: 1 });
  const result = await second.result;
  assert.deepEqual([result.outcome, result.exitCode], ['Failed', 4]);
  assert.equal(second.texts.stdout, 'one\ntwo\n');
  assert.match(second.texts.system, /some of it may come twice/);
  await first.result;
});

test('asked for twice, there is one Job and both follow it', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const request = kubernetesRequest('echo once', { namespace });
  const both = [run(newExecutor(), request), run(newExecutor(), request), run(newExecutor(), request)];
  for (const one of both) {
    assert.equal((await one.result).outcome, 'Succeeded');
    assert.equal(one.texts.stdout, 'once\n');
  }
  assert.equal((await jobsOf(request)).length, 1);
  assert.equal((await podsOf(request)).length, 1);
});

test('an answer that got lost makes no second Job', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const proxy = await startProxy(t);
  const api = new KubernetesApi(() => loadConnection(proxy.kubeconfig));
  const executor = createKubernetesExecutor({ api, linger: 0 });
  // Opens connections that are there when the answers stop.
  await Promise.all(Array.from({ length: 8 }, () => api.call('GET', '/version')));
  const request = kubernetesRequest('echo once', { namespace });
  proxy.mute();
  const { result, texts } = run(executor, request);
  await seen(async () => (await jobsOf(request)).length === 1);
  proxy.cut();
  proxy.up();
  assert.deepEqual(await result, { outcome: 'Succeeded', exitCode: 0 });
  assert.match(texts.system, /its Job could not be made yet: the Kubernetes API does not answer/);
  assert.match(texts.system, /^(follows|made) Job/m);
  assert.equal(texts.stdout, 'once\n');
  assert.equal((await jobsOf(request)).length, 1);
  assert.equal((await podsOf(request)).length, 1);
});

test('a name that something else has is not taken for its own', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const request = kubernetesRequest('true', { namespace });
  const name = jobNameOf(request);
  await kubectl(['-n', namespace, 'create', 'job', name, '--image=localhost/debian:bookworm', '--', 'sleep', '1']);
  const expected = `the Job ${name} in namespace ${namespace} is not this run's: its labels name another`;
  assert.deepEqual(await run(newExecutor(), request).result, { outcome: 'Failed', message: expected });
  const adopted = await run(newExecutor(), { ...request, handovers: 1 }).result;
  assert.deepEqual(adopted, { outcome: 'Lost', message: expected });
});

test('adopting finds nothing: Lost, and nothing is made', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const request = kubernetesRequest('true', { namespace, handovers: 1 });
  assert.deepEqual(await run(newExecutor(), request).result, {
    outcome: 'Lost',
    message: `its Job ${jobNameOf(request)} was not found in namespace ${namespace} when it was to be adopted`,
  });
  assert.deepEqual(await jobsOf(request), []);
});

test('an adopted Job that has ended already gives its outcome and its output', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const request = kubernetesRequest('sleep 1; echo late; exit 5', { namespace });
  const first = run(newExecutor(), request);
  await first.started;
  assert.equal(await first.execution.detach?.('its worker stops'), true);
  await kubectl(['-n', namespace, 'wait', '--for=condition=failed', `job/${jobNameOf(request)}`, '--timeout=30s']);
  const second = run(newExecutor(), { ...request, handovers: 1 });
  const result = await second.result;
  assert.deepEqual([result.outcome, result.exitCode], ['Failed', 5]);
  assert.equal(first.texts.stdout + second.texts.stdout, 'late\n');
  assert.equal(await second.execution.detach?.('its worker stops'), false);
});

test('with a limit it waits for the Job of a run before, which no worker holds any more', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const executor = newExecutor();
  const before = kubernetesRequest('echo up; sleep 4', { namespace });
  const first = run(newExecutor(), before);
  await first.printed('up');
  await first.execution.detach?.('its worker died');
  const { job } = before;

  const short = kubernetesRequest('true', { namespace, job, atOnce: 1, timeout: 500 });
  assert.deepEqual(await run(executor, short).result, {
    outcome: 'Failed',
    message: `never started: waited 500 ms (its timeout) for the end of ${jobNameOf(before)}`,
  });
  const left = run(executor, kubernetesRequest('true', { namespace, job, atOnce: 1 }));
  await seen(async () => left.texts.system !== '');
  assert.equal(await left.execution.detach?.('its worker stops'), false);
  const message = 'never started: no Job had been made (its worker stops)';
  assert.deepEqual(await left.result, { outcome: 'Lost', message });

  const next = kubernetesRequest('echo mine', { namespace, job, atOnce: 1 });
  const third = run(executor, next);
  assert.equal((await third.result).outcome, 'Succeeded');
  assert.ok(
    third.texts.system.startsWith(`waits for the end of ${jobNameOf(before)}: 1 at once is the job's limit\nmade`),
  );
  const [[done], [mine]] = [await jobsOf(before), await jobsOf(next)] as unknown as [Dated[], Dated[]];
  assert.ok(Date.parse(mine?.status.startTime ?? '') >= Date.parse(done?.status.completionTime ?? ''));
});

interface Dated {
  readonly status: { readonly startTime: string; readonly completionTime: string };
}
