import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpExecutor } from '../../../domain/job/spec/executors.ts';
import { httpRequest, recorder } from '../../supervisor/testing/requests.ts';
import { createHttpExecutor } from './index.ts';
import { firstHop } from './request.ts';

const env = {
  CRONMESH_NAMESPACE: 'shop',
  CRONMESH_JOB: 'nightly.report',
  CRONMESH_RUN: 'k3v9-mjuw2yo0',
  CRONMESH_ATTEMPT: '2',
  CRONMESH_TICK: '2026-11-24T03:00:00Z',
  TRACEPARENT: '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01',
  OTHER: 'not the run’s',
};

const hop = (spec: Parameters<typeof httpExecutor.parse>[0], more: Record<string, string> = {}, secrets = {}) =>
  firstHop(httpExecutor.parse(spec), { ...env, ...more }, secrets);

const urls: readonly (readonly [what: string, url: string, more: Record<string, string>, expected: string])[] = [
  ['a path', 'http://a/runs/$(CRONMESH_RUN)/x', {}, 'http://a/runs/k3v9-mjuw2yo0/x'],
  [
    'a query',
    'http://a/?tick=$(CRONMESH_TICK)&n=$(CRONMESH_ATTEMPT)',
    {},
    'http://a/?tick=2026-11-24T03%3A00%3A00Z&n=2',
  ],
  ['several in one segment', 'http://a/$(CRONMESH_NAMESPACE)-$(CRONMESH_JOB)', {}, 'http://a/shop-nightly.report'],
  ['what is escaped', 'http://a/$$(CRONMESH_RUN)', {}, 'http://a/$(CRONMESH_RUN)'],
  ['a name that the run does not have', 'http://a/$(CRONMESH_NO)', {}, 'http://a/$(CRONMESH_NO)'],
  ['a variable that is not the run’s', 'http://a/$(OTHER)', {}, 'http://a/$(OTHER)'],
  ['a slash', 'http://a/x/$(CRONMESH_JOB)/y', { CRONMESH_JOB: '../../admin' }, 'http://a/x/..%2F..%2Fadmin/y'],
  ['a query in a path', 'http://a/$(CRONMESH_JOB)', { CRONMESH_JOB: 'x?a=1#b' }, 'http://a/x%3Fa%3D1%23b'],
  [
    'a parameter in a query',
    'http://a/?q=$(CRONMESH_JOB)',
    { CRONMESH_JOB: '1&admin=1#x' },
    'http://a/?q=1%26admin%3D1%23x',
  ],
  ['percent', 'http://a/$(CRONMESH_JOB)', { CRONMESH_JOB: '%2e%2e' }, 'http://a/%252e%252e'],
  ['line breaks', 'http://a/$(CRONMESH_JOB)', { CRONMESH_JOB: 'x\r\ny' }, 'http://a/x%0D%0Ay'],
  ['a backslash', 'http://a/$(CRONMESH_JOB)', { CRONMESH_JOB: '\\\\b' }, 'http://a/%5C%5Cb'],
  [
    'an @, which makes no host',
    'http://a/$(CRONMESH_JOB)',
    { CRONMESH_JOB: '@evil.example' },
    'http://a/%40evil.example',
  ],
  ['another template', 'http://a/$(CRONMESH_JOB)', { CRONMESH_JOB: '$(CRONMESH_RUN)' }, 'http://a/%24(CRONMESH_RUN)'],
  ['half a character', 'http://a/$(CRONMESH_JOB)', { CRONMESH_JOB: '\ud800' }, 'http://a/%EF%BF%BD'],
];
for (const [what, url, more, expected] of urls) {
  test(`a url: ${what}`, () => assert.equal(hop({ url }, more).url.href, expected));
}

test('a value that would lead to another path is refused', () => {
  for (const value of ['.', '..']) {
    assert.throws(
      () => hop({ url: 'http://a/x/$(CRONMESH_JOB)/y' }, { CRONMESH_JOB: value }),
      /CRONMESH_JOB would make another path/,
    );
  }
  assert.throws(
    () => hop({ url: 'http://a/x/$(CRONMESH_JOB)$(CRONMESH_RUN)' }, { CRONMESH_JOB: '.', CRONMESH_RUN: '.' }),
    /would make another path/,
  );
});

test('headers and body get the run’s values, and secrets; the run’s are the stronger ones', () => {
  const made = hop(
    {
      url: 'http://a/$(TOKEN)',
      method: 'POST',
      headers: {
        'X-Run': '$(CRONMESH_RUN)/$(CRONMESH_ATTEMPT)',
        Authorization: 'Bearer $(TOKEN)',
        'X-Raw': '$$(TOKEN)',
      },
      body: '{"tick":"$(CRONMESH_TICK)","token":"$(TOKEN)","trace":"$(TRACEPARENT)"}',
    },
    {},
    { TOKEN: 's3cret', TRACEPARENT: 'forged' },
  );
  assert.equal(made.url.href, 'http://a/$(TOKEN)');
  assert.equal(made.headers['x-run'], 'k3v9-mjuw2yo0/2');
  assert.equal(made.headers.authorization, 'Bearer s3cret');
  assert.equal(made.headers['x-raw'], '$(TOKEN)');
  assert.equal(made.body, `{"tick":"2026-11-24T03:00:00Z","token":"s3cret","trace":"${env.TRACEPARENT}"}`);
  assert.equal(made.headers.traceparent, env.TRACEPARENT);
  assert.equal(made.headers['cronmesh-run'], env.CRONMESH_RUN);
  assert.equal(made.headers.other, undefined);
  assert.deepEqual([...made.secret.headers], ['authorization']);
});

test('what was asked for with the run takes its places, and is no header of its own', () => {
  const spec = httpExecutor.parse({
    url: 'http://a/$(DAY)?x=$(DAY)',
    headers: { 'X-Day': '$(DAY)' },
    body: '$(DAY) $(A)',
  });
  const asked = { DAY: '1/2', A: 'asked', CRONMESH_RUN: 'never' };
  const { url, headers, body } = firstHop(spec, env, { A: 'secret' }, { asked });
  assert.deepEqual([url.href, headers['x-day'], body], ['http://a/1%2F2?x=1%2F2', '1/2', '1/2 asked']);
  assert.deepEqual([headers['cronmesh-run'], headers.day], [env.CRONMESH_RUN, undefined]);
});

test('a value that no header can hold is refused, and makes no header of its own', () => {
  const spec = { url: 'http://a/', headers: { 'X-Job': '$(CRONMESH_JOB)' } };
  assert.throws(
    () => hop(spec, { CRONMESH_JOB: 'x\r\nEvil: 1' }),
    /header X-Job cannot hold the value of CRONMESH_JOB/,
  );
});

test('private addresses are refused after the replacement as before it', async () => {
  const executor = createHttpExecutor({ allowPrivateAddresses: false });
  const request = httpRequest({ url: 'http://127.0.0.1/$(CRONMESH_JOB)' });
  const { message } = await executor.execute(request, recorder().hooks).result;
  assert.match(message ?? '', /127\.0\.0\.1 is a loopback address/);
});
