import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expand } from '../../../domain/expand.ts';
import { httpExecutor } from '../../../domain/job/spec/executors.ts';
import { runEnvironment, supervisorEnvironment } from '../environment.ts';
import { firstHop, nextHop } from '../http/request.ts';

test('references are replaced as Kubernetes does', () => {
  const expanded = (text: string) => expand(text, { A: '1', B_2: '$(A)' }).text;
  assert.equal(expanded('x $(A) y$(A)'), 'x 1 y1');
  assert.equal(expanded('$$(A) $$$(A) $(NONE) $A {A} $('), '$(A) $$(A) $(NONE) $A {A} $(');
  // A value is not looked through again.
  assert.equal(expanded('$(B_2)'), '$(A)');
  assert.equal(expanded('$(constructor)'), '$(constructor)');
  assert.deepEqual(expand('$(A)$(A)$(NONE)', { A: '1' }).used, ['A', 'A']);
});

const spec = httpExecutor.parse({
  url: 'http://a.example/$(TOKEN)',
  method: 'POST',
  headers: { 'X-Key': 'k $(TOKEN)', 'X-Other': 'o' },
  body: '{"t":"$(TOKEN)"}',
});

test('a request gets values in headers and body, never in its url nor in the run’s headers', () => {
  const hop = firstHop(spec, { CRONMESH_RUN: '$(TOKEN)' }, { TOKEN: 's3cret' });
  assert.equal(hop.headers['x-key'], 'k s3cret');
  assert.equal(hop.body, '{"t":"s3cret"}');
  assert.equal(hop.headers['cronmesh-run'], '$(TOKEN)');
  assert.ok(!hop.url.href.includes('s3cret'));
  assert.equal(firstHop(spec, {}).headers['x-key'], 'k $(TOKEN)');
});

test('a value that no header can hold is an error that does not show it', () => {
  assert.throws(
    () => firstHop(spec, {}, { TOKEN: 's3cret\n' }),
    (error: Error) =>
      error.message.includes('X-Key') && error.message.includes('TOKEN') && !error.message.includes('s3cret'),
  );
});

test('values do not follow a redirect to another origin', () => {
  const hop = firstHop(spec, {}, { TOKEN: 's3cret' });
  const elsewhere = new URL('http://b.example/');
  assert.equal(nextHop(hop, 307, new URL('http://a.example/x')).headers['x-key'], 'k s3cret');
  assert.throws(() => nextHop(hop, 307, elsewhere), /must not get the body: it holds values of secretRefs/);
  const fetched = nextHop(hop, 303, elsewhere);
  assert.equal(fetched.headers['x-key'], undefined);
  assert.equal(fetched.headers['x-other'], 'o');
  assert.equal(fetched.body, undefined);
});

test('values are stronger than the job’s own variables, and the run’s are stronger than both', () => {
  const env = runEnvironment(
    { run: 'r', attempt: 1, env: { CRONMESH_JOB: 'j' }, secrets: { A: 'secret', CRONMESH_JOB: 'no' } } as never,
    { A: 'own', B: 'own' },
    {},
  );
  assert.equal(env.A, 'secret');
  assert.equal(env.B, 'own');
  assert.equal(env.CRONMESH_JOB, 'j');
});

test('where the Kubernetes API is, the supervisor is told only when it uses it, and runs never', () => {
  const worker = { PATH: '/bin', KUBECONFIG: '/k', KUBERNETES_SERVICE_HOST: 'h', KUBERNETES_SERVICE_PORT: '1', X: 'x' };
  assert.deepEqual(supervisorEnvironment(worker, { kubernetes: false }), { PATH: '/bin' });
  const { X: _x, ...rest } = worker;
  assert.deepEqual(supervisorEnvironment(worker, { kubernetes: true }), rest);
  const env = runEnvironment({ run: 'r', attempt: 1, env: {} } as never, {}, worker);
  assert.deepEqual(Object.keys(env).sort(), ['CRONMESH_ATTEMPT', 'CRONMESH_RUN', 'PATH']);
});
