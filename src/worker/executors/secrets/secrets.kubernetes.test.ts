import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { kubernetesSkip } from '../../../../test/support/kubernetes.ts';
import { kubectl, temporaryNamespace } from '../../../../test/support/kubernetes-async.ts';
import { startProxy } from '../../../../test/support/kubernetes-proxy.ts';
import type { JobUid } from '../../../domain/job/job.ts';
import type { StartRequest } from '../../supervisor/protocol.ts';
import { httpRequest, recorder, shellRequest } from '../../supervisor/testing/requests.ts';
import { createHttpExecutor } from '../http/index.ts';
import { KubernetesApi } from '../kubernetes/api/api.ts';
import { loadConnection } from '../kubernetes/api/connection.ts';
import { createShellExecutor } from '../shell/index.ts';
import { withSecrets } from './index.ts';

const skip = kubernetesSkip();
const options = { skip, timeout: 60_000 };
const value = 's3cret-äß';

const secret = (key: string, name = 'db', optional = false) => ({ secretKeyRef: { name, key, optional } });

async function namespaceWithSecrets(t: Parameters<typeof temporaryNamespace>[1]): Promise<string> {
  const namespace = await temporaryNamespace('executor', t);
  await kubectl(['-n', namespace, 'create', 'secret', 'generic', 'db', `--from-literal=password=${value}`]);
  await kubectl(['-n', namespace, 'create', 'configmap', 'settings', '--from-literal=mode=fast']);
  return namespace;
}

const inNamespace = (namespace: string, secretRefs: NonNullable<StartRequest['secretRefs']>) => ({
  job: { namespace, name: 'job', uid: 'jobuid0123456789' as JobUid },
  secretRefs,
});

async function runShell(request: StartRequest, api = new KubernetesApi()) {
  const record = recorder();
  const result = await withSecrets(createShellExecutor(), { api }).execute(request, record.hooks).result;
  return { ...record.texts, result };
}

test('a process gets values of Secrets and ConfigMaps, over its own variables', options, async t => {
  const namespace = await namespaceWithSecrets(t);
  const refs = [
    { name: 'PASSWORD', ...secret('password') },
    { name: 'MODE', configMapKeyRef: { name: 'settings', key: 'mode', optional: false } },
    { name: 'NONE', ...secret('nope', 'db', true) },
    { name: 'NOWHERE', ...secret('nope', 'nope', true) },
  ];
  const command =
    '[ "$PASSWORD" = "s3cret-äß" ] && echo "$MODE $(printenv NONE || echo unset) $(printenv NOWHERE || echo unset)"';
  const request = shellRequest({ command, env: { MODE: 'slow' } }, inNamespace(namespace, refs));
  const { result, stdout, system } = await runShell(request);
  assert.deepEqual(result, { outcome: 'Succeeded', exitCode: 0 });
  assert.equal(stdout, 'fast unset unset\n');
  assert.equal(system, '');
});

test('what is missing fails with its name, and nothing is started', options, async t => {
  const namespace = await namespaceWithSecrets(t);
  const message = async (refs: NonNullable<StartRequest['secretRefs']>) => {
    const { result, stdout } = await runShell(shellRequest('echo ran', inNamespace(namespace, refs)));
    assert.equal(stdout, '');
    assert.equal(result.outcome, 'Failed');
    return result.message;
  };
  assert.equal(
    await message([{ name: 'A', ...secret('nope') }]),
    `not started: key nope of Secret db was not found in namespace ${namespace}`,
  );
  assert.equal(
    await message([{ name: 'A', ...secret('password', 'nope') }]),
    `not started: Secret nope (for its key password) was not found in namespace ${namespace}`,
  );
  const binary = Buffer.from([0xff, 0]).toString('base64');
  await kubectl(['-n', namespace, 'patch', 'secret', 'db', '-p', JSON.stringify({ data: { raw: binary } })]);
  assert.match((await message([{ name: 'A', ...secret('raw') }])) ?? '', /key raw of Secret db .* is no text/);
});

test('an http request gets them in headers and body, and its log does not', options, async t => {
  const namespace = await namespaceWithSecrets(t);
  const server = createServer(async (request, response) => {
    const body = (await request.toArray()).join('');
    response.end(String(request.headers['x-key'] === 'Key fast' && body === `{"p":"${value}","l":"$(PASSWORD)"}`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const refs = [
    { name: 'PASSWORD', ...secret('password') },
    { name: 'MODE', configMapKeyRef: { name: 'settings', key: 'mode', optional: false } },
  ];
  const request = httpRequest(
    {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      method: 'POST',
      headers: { 'X-Key': 'Key $(MODE)' },
      body: '{"p":"$(PASSWORD)","l":"$$(PASSWORD)"}',
    },
    inNamespace(namespace, refs),
  );
  const record = recorder();
  const executor = withSecrets(createHttpExecutor({ allowPrivateAddresses: true }), { api: new KubernetesApi() });
  const result = await executor.execute(request, record.hooks).result;
  assert.equal(record.texts.stdout, 'true');
  const written = JSON.stringify([result, record.texts, request]);
  assert.ok(!written.includes('s3cret') && !written.includes('Key fast'));
});

test('without the right, or without Kubernetes, it fails and says so', options, async t => {
  const namespace = await namespaceWithSecrets(t);
  const request = shellRequest('echo ran', inNamespace(namespace, [{ name: 'A', ...secret('password') }]));
  const token = (await kubectl(['-n', namespace, 'create', 'token', 'default'])).trim();
  const connect = await loadConnection();
  const api = new KubernetesApi(async () => async () => {
    const connection = await connect();
    const { Agent } = await import('undici');
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false }, keepAliveTimeout: 10 });
    return { ...connection, dispatcher, headers: { authorization: `Bearer ${token}` } };
  });
  const { result } = await runShell(request, api);
  assert.deepEqual(result, {
    outcome: 'Failed',
    message:
      `not started: Secret db in namespace ${namespace} could not be read: secrets "db" is forbidden: User ` +
      `"system:serviceaccount:${namespace}:default" cannot get resource "secrets" in API group "" in the namespace "${namespace}"`,
  });
  const record = recorder();
  assert.deepEqual(await withSecrets(createShellExecutor(), {}).execute(request, record.hooks).result, {
    outcome: 'Failed',
    message: 'not started: it has secretRefs, and this worker may not use the Kubernetes API',
  });
});

test('an API that is away is waited for; an end while it is away ends it', options, async t => {
  const namespace = await namespaceWithSecrets(t);
  const proxy = await startProxy(t);
  const api = new KubernetesApi(() => loadConnection(proxy.kubeconfig));
  const request = shellRequest(
    '[ -n "$A" ] && echo ran',
    inNamespace(namespace, [{ name: 'A', ...secret('password') }]),
  );
  proxy.down();
  setTimeout(() => proxy.up(), 1_000);
  assert.equal((await runShell(request, api)).stdout, 'ran\n');

  proxy.down();
  const record = recorder();
  const execution = withSecrets(createShellExecutor(), { api }).execute(request, record.hooks);
  setTimeout(() => execution.end({ kind: 'killed', by: 'anna' }, 0), 300);
  assert.deepEqual(await execution.result, { outcome: 'Killed', message: 'killed by anna' });

  const began = performance.now();
  const { result } = await runShell(request, api);
  assert.match(
    result.message ?? '',
    /^not started: Secret db in namespace \S+ could not be read: the Kubernetes API does not/,
  );
  assert.ok(performance.now() - began < 11_000);
});
