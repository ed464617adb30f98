import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { kubernetesSkip } from '../../../../test/support/kubernetes.ts';
import { kubectl, temporaryNamespace } from '../../../../test/support/kubernetes-async.ts';
import { jobsOf, newExecutor, numbers, podsOf, run } from '../../../../test/support/kubernetes-runs.ts';
import { temporaryDirectory } from '../../../../test/support/temporary-directory.ts';
import { kubernetesRequest } from '../../supervisor/testing/requests.ts';
import { KubernetesApi } from './api/api.ts';
import type { KubernetesObject } from './api/objects.ts';
import { reflect } from './api/reflector.ts';
import { jobsPath, managedSelector } from './names.ts';

const options = { skip: kubernetesSkip(), timeout: 120_000 };

test('a Job that completes succeeds, and has the run in its environment', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const script = 'echo "$CRONMESH_RUN $CRONMESH_JOB $OWN"';
  const request = kubernetesRequest(script, { namespace });
  const { result, texts, started } = run(newExecutor(), request);
  assert.deepEqual(await result, { outcome: 'Succeeded', exitCode: 0 });
  await started;
  assert.equal(texts.stdout, `${request.run} job \n`);
  assert.match(texts.system, /^made Job nightly-report-\w{12} in namespace /);
  assert.match(texts.system, /\npod \S+ is on node \S+\n/);
  assert.match(texts.system, /\ncontainer main of pod \S+ ended with exit code 0 \(Completed\)\n$/);
  const [job] = await jobsOf(request);
  assert.equal(job?.metadata.labels?.['cronmesh.io/job-uid'], request.job.uid);
  const [pod] = await podsOf(request);
  assert.equal(pod?.metadata.labels?.['cronmesh.io/attempt'], '1');
});

test('arguments and variables that were asked for with the run reach the container', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const asked = { particulars: { arguments: ['a b', '"世界"'], env: { OWN: 'of the run' } } };
  const container = {
    name: 'main',
    image: 'localhost/debian:bookworm',
    imagePullPolicy: 'IfNotPresent',
    command: ['/bin/sh', '-c', 'printf "<%s>" "$@"; echo "$OWN"', 'sh'],
    args: ['of the template'],
    env: [{ name: 'OWN', value: 'of the template' }],
  };
  const request = kubernetesRequest('', { namespace, ...asked }, { pod: { containers: [container] } });
  const { result, texts } = run(newExecutor(), request);
  assert.equal((await result).outcome, 'Succeeded');
  assert.equal(texts.stdout, '<a b><"世界">of the run\n');
});

test('a Job that fails gives exit code, reason and pod', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const { result, texts } = run(newExecutor(), kubernetesRequest('echo out; echo err >&2; exit 3', { namespace }));
  const { message, ...rest } = await result;
  assert.deepEqual(rest, { outcome: 'Failed', exitCode: 3 });
  assert.match(
    message ?? '',
    /^container main of pod nightly-report-\S+ ended with exit code 3 \(Error\); the Job failed: BackoffLimitExceeded$/,
  );
  assert.equal(texts.stdout.split('\n').sort().join(' '), ' err out');
});

test('thousands of lines are passed on whole and in order, the unfinished last one too', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const script = 'seq 1 5000; printf "last é"';
  const { result, texts } = run(newExecutor(), kubernetesRequest(script, { namespace }));
  assert.equal((await result).outcome, 'Succeeded');
  assert.equal(texts.stdout, `${numbers(5_000)}last é`);
});

test('output beyond the limit is dropped, and the log says how much', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const request = kubernetesRequest('seq 1 5000', { namespace }, { outputLimitBytes: 1_000 });
  const { result, texts } = run(newExecutor(), request);
  assert.equal((await result).outcome, 'Succeeded');
  assert.equal(texts.stdout, numbers(5_000).slice(0, 1_000));
  assert.match(
    texts.system,
    /container main: 22893 bytes beyond the limit of 1000 \(outputLimitBytes\) were dropped\n/,
  );
});

test('several containers are told apart, and init containers come first', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const container = (name: string, script: string) => ({
    name,
    image: 'localhost/debian:bookworm',
    imagePullPolicy: 'IfNotPresent',
    command: ['/bin/sh', '-c', script],
  });
  const pod = {
    initContainers: [container('prepare', 'echo first $CRONMESH_JOB')],
    containers: [container('a', 'sleep 1; echo from a'), container('b', 'echo from b; sleep 1; printf end')],
  };
  const { result, texts } = run(newExecutor(), kubernetesRequest('', { namespace }, { pod }));
  assert.equal((await result).outcome, 'Succeeded');
  assert.ok(texts.stdout.startsWith('[prepare] first job\n'), texts.stdout);
  const lines = texts.stdout.trimEnd().split('\n').sort();
  assert.deepEqual(lines, ['[a] from a', '[b] end', '[b] from b', '[prepare] first job']);
});

test('what restarts of a container printed is there, of each', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const pod = { restartPolicy: 'OnFailure', volumes: [{ name: 'v', emptyDir: {} }] };
  const request = kubernetesRequest('', { namespace }, { backoffLimit: 3, pod });
  const container = request.executor.kubernetes?.template.spec.containers[0];
  assert.ok(container);
  container.command = ['/bin/sh', '-c', 'echo try >> /v/tries; echo $(wc -l < /v/tries); [ $(wc -l < /v/tries) = 2 ]'];
  container.volumeMounts = [{ name: 'v', mountPath: '/v' }];
  const { result, texts } = run(newExecutor(), request);
  assert.equal((await result).outcome, 'Succeeded');
  assert.equal(texts.stdout, '1\n2\n');
  assert.match(texts.system, /ended with exit code 1 \(Error\)/);
});

test('an image that cannot be pulled is said once, and the run ends with its timeout', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const request = kubernetesRequest('true', { namespace, timeout: 8_000 });
  const container = request.executor.kubernetes?.template.spec.containers[0];
  assert.ok(container);
  container.image = 'localhost/there-is-none:1';
  container.imagePullPolicy = 'Never';
  const { execution, result, texts } = run(newExecutor(), request);
  setTimeout(() => execution.end({ kind: 'timeout' }, request.grace), request.timeout);
  assert.deepEqual(await result, { outcome: 'TimedOut', message: 'ended after its timeout of 8 s' });
  assert.equal(texts.system.match(/waits: ErrImageNeverPull/g)?.length, 1);
  assert.deepEqual(await podsOf(request), []);
});

test('a deadline that Kubernetes itself keeps is a timeout', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const request = kubernetesRequest('echo up; exec sleep 1000', { namespace, timeout: 4_000, grace: 1_000 });
  const { result, texts } = run(newExecutor(), request);
  assert.deepEqual(await result, { outcome: 'TimedOut', message: 'ended after its timeout of 4 s' });
  assert.equal(texts.stdout, 'up\n');
});

test('what the API server refuses fails with its own words', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const executor = newExecutor();
  const nowhere = run(executor, kubernetesRequest('true', { namespace: `${namespace}-none` }));
  assert.deepEqual(await nowhere.result, {
    outcome: 'Failed',
    message: `its Job was refused: namespaces "${namespace}-none" not found`,
  });
  const invalid = run(
    executor,
    kubernetesRequest('true', { namespace }, { pod: { containers: [{ name: 'A b', image: 'x' }] } }),
  );
  const { outcome, message = '' } = await invalid.result;
  assert.equal(outcome, 'Failed');
  assert.match(message, /^its Job was refused: Job\S* "nightly-report-\w+" is invalid: .*containers\[0\]\.name/);
  assert.ok(!message.includes('\n'));
});

/** A kubeconfig for a new account of a namespace. */
async function accountOf(t: TestContext, namespace: string): Promise<string> {
  await kubectl(['-n', namespace, 'create', 'serviceaccount', 'worker']);
  const token = (await kubectl(['-n', namespace, 'create', 'token', 'worker'])).trim();
  const config = JSON.parse(await kubectl(['config', 'view', '--raw', '--flatten', '-o', 'json']));
  config.users[0].user = { token };
  const kubeconfig = `${temporaryDirectory(t)}/kubeconfig`;
  await writeFile(kubeconfig, JSON.stringify(config));
  return kubeconfig;
}

test('an account without rights fails with what it may not do', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const executor = newExecutor(await accountOf(t, namespace));
  const request = kubernetesRequest('true', { namespace });
  assert.deepEqual(await run(executor, request).result, {
    outcome: 'Failed',
    message:
      `its Job was refused: jobs.batch is forbidden: User "system:serviceaccount:${namespace}:worker" ` +
      `cannot create resource "jobs" in API group "batch" in the namespace "${namespace}"`,
  });
  assert.deepEqual(await jobsOf(request), []);
});

test('an account with the rights that the documentation names can do all of it', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const kubeconfig = await accountOf(t, namespace);
  const rules = [
    { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch', 'delete'] },
    { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
  ];
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'worker' }, rules };
  await kubectl(['-n', namespace, 'apply', '-f', '-'], JSON.stringify(role));
  const binding = ['create', 'rolebinding', 'worker', '--role=worker', `--serviceaccount=${namespace}:worker`];
  await kubectl(['-n', namespace, ...binding]);
  const request = kubernetesRequest('echo up; exec sleep 1000', { namespace, atOnce: 1, grace: 0 });
  const first = run(newExecutor(kubeconfig), request);
  await first.printed('up');
  assert.equal(await first.execution.detach?.('its worker stops'), true);
  const second = run(newExecutor(kubeconfig), { ...request, handovers: 1 });
  await second.started;
  second.execution.end({ kind: 'killed', by: 'anna' }, 0);
  assert.deepEqual(await second.result, { outcome: 'Killed', message: 'killed by anna' });
  assert.ok(!/cannot|could not|may come twice/.test(first.texts.system + second.texts.system), second.texts.system);
  const resource = { name: 'nightly.report', uid: '7d3f6f6e-0000-4000-8000-000000000000' };
  const owned = run(newExecutor(kubeconfig), kubernetesRequest('true', { namespace, resource }));
  const { outcome, message } = await owned.result;
  assert.ok(outcome === 'Succeeded' || message === 'its Job was deleted', message);
});

interface Owned extends KubernetesObject {
  readonly metadata: KubernetesObject['metadata'] & { readonly ownerReferences?: readonly object[] };
}

test('the CronJob resource owns the Job', options, async t => {
  const namespace = await temporaryNamespace('executor', t);
  const owner = { name: 'nightly.report', uid: '7d3f6f6e-0000-4000-8000-000000000000' };
  const request = kubernetesRequest('true', { namespace, resource: owner });
  // A watch: where the resource's kind is known, the garbage collector takes at once what has no owner any more.
  const ready = Promise.withResolvers<void>();
  const made = Promise.withResolvers<Owned>();
  const stop = new AbortController();
  t.after(() => stop.abort());
  const handler = { listed: () => ready.resolve(), changed: made.resolve, deleted: () => {}, failed: ready.reject };
  const watched = { path: jobsPath(namespace), selector: managedSelector };
  void reflect<Owned>(new KubernetesApi(), watched, handler, stop.signal);
  await ready.promise;
  const { result } = run(newExecutor(), request);
  const job = await made.promise;
  const rest = { apiVersion: 'cronmesh.io/v1alpha1', kind: 'CronJob', controller: true, blockOwnerDeletion: false };
  assert.deepEqual(job.metadata.ownerReferences, [{ ...rest, ...owner }]);
  const { outcome, message } = await result;
  assert.ok(outcome === 'Succeeded' || message === 'its Job was deleted', outcome);
});
