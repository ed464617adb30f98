import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Api, manifest } from '../../../test/support/api.ts';
import { CronmeshError } from '../../domain/errors.ts';
import { maxBodyBytes } from './body.ts';

const jobs = '/api/v1/namespaces/default/jobs';

describe('problems over REST', () => {
  let api: Api;
  let failure: Error | undefined;
  before(async () => {
    api = await Api.open({
      hosts: ['localhost', '[::1]'],
      wrap: store => ({
        ...store,
        listJobs: filter => (failure ? Promise.reject(failure) : store.listJobs(filter)),
      }),
    });
  });
  after(() => api.close());

  it('have one form, with the request’s id', async () => {
    const { status, headers, json } = await api.send('GET', `${jobs}/nobody`, undefined, { 'x-request-id': 'abc-1' });
    assert.deepEqual([status, headers.get('content-type')], [404, 'application/problem+json']);
    assert.equal(headers.get('x-request-id'), 'abc-1');
    assert.deepEqual(json, {
      type: 'urn:cronmesh:problem:NotFound',
      title: 'There is no such thing',
      status: 404,
      detail: 'there is no job default/nobody',
      instance: 'urn:cronmesh:request:abc-1',
      code: 'NotFound',
    });
  });

  it('do not take over an id that could harm a log', async () => {
    const { headers } = await api.send('GET', '/healthz', undefined, { 'x-request-id': 'a b"}' });
    assert.match(headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
  });

  it('name an unknown route', async () => {
    for (const [method, path] of [
      ['GET', '/nope'],
      ['PUT', '/api/v1/nothing'],
    ] as const) {
      const { status, json } = await api.send(method, path);
      assert.deepEqual(
        [status, json.code, json.detail],
        [404, 'NotFound', `there is no route ${method} ${path}; /docs lists them`],
      );
    }
  });

  it('refuse a JSON body that names a field twice, and one that is packed', async () => {
    const body = '{"metadata":{"name":"one"},\n "metadata":{"name":"two"}}';
    const twice = await api.send('POST', jobs, body, { 'content-type': 'application/json' });
    assert.deepEqual(
      [twice.status, twice.json.code, twice.json.detail],
      [400, 'MalformedBody', 'the body names a field twice at line 2, column 2'],
    );
    const packed = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const { status, json } = await api.send('POST', jobs, '{}', packed);
    assert.deepEqual([status, json.code], [415, 'UnsupportedMediaType']);
  });

  it('say so where no query parameter is known', async () => {
    const { status, json } = await api.send('GET', `${jobs}/nobody?x=1`);
    assert.deepEqual([status, json.detail], [400, 'query parameter x is not a known field: none is allowed here']);
  });

  it('do not let a NUL reach the database', async () => {
    const { status, json } = await api.send('GET', '/api/v1/namespaces/%00/jobs');
    assert.deepEqual([status, json], [200, { items: [] }]);
    const cursor = Buffer.from('["\\u0000","a"]').toString('base64url');
    const { json: problem } = await api.send('GET', `/api/v1/jobs?cursor=${cursor}`);
    assert.equal(problem.code, 'InvalidInput');
  });

  it('do not let a number that is none of the database’s, or half a character, reach it in a cursor', async () => {
    for (const text of ['[1.5,"a"]', '[1e300,"a"]', '[1,"\\ud800"]']) {
      const cursor = Buffer.from(text).toString('base64url');
      const { status, json } = await api.send('GET', `/api/v1/runs?cursor=${cursor}`);
      assert.deepEqual([status, json.code], [400, 'InvalidInput'], text);
    }
  });

  it('do not look for what cannot be a name', async () => {
    for (const name of ['%00', 'No_Such', '%zz', 'a'.repeat(500)]) {
      assert.equal((await api.send('GET', `${jobs}/${name}`)).status, 404);
    }
  });

  describe('of bodies', () => {
    const post = (body: string, type = 'application/json') => api.send('POST', jobs, body, { 'content-type': type });

    const malformed: [what: string, type: string, body: string, detail: string | RegExp][] = [
      [
        'an unexpected token',
        'application/json',
        '{\n  "a": x}',
        "the body is not JSON: Unexpected token 'x' at line 2, column 8",
      ],
      ['an early end', 'application/json', '{"a":', 'the body is not JSON: Unexpected end at line 1, column 6'],
      [
        'a trailing comma',
        'application/json',
        '{"a":1,\n}',
        /not JSON: Expected double-quoted property name at line 2, column 1/,
      ],
      ['a long text', 'application/json', `{"a": "${'x'.repeat(5_000)}",\n\n bad}`, /at line 3, column 2$/],
      ['an empty body', 'application/json', ' ', 'the body is empty; a manifest is needed'],
      ['no UTF-8', 'application/json', '\ud800', /not JSON: /],
      ['an open bracket', 'application/yaml', 'a: [', /not YAML: .* at line 1, column 5$/],
      [
        'a key given twice',
        'application/yaml',
        'a: 1\na: 2',
        'the body is not YAML: duplicated mapping key at line 2, column 1',
      ],
      ['a tag', 'application/yaml', 'a: !!js/function x', /not YAML: unknown scalar tag/],
      ['many documents', 'application/yaml', 'a: 1\n---\nb: 2', /holds 2 YAML documents; send one job at a time/],
      ['no document', 'application/yaml', '# nothing', /holds no YAML document/],
      ['a deep nest', 'application/yaml', '['.repeat(5_000), /not YAML: nesting exceeded/],
    ];
    for (const [what, type, body, detail] of malformed) {
      it(`${what} (${type.slice(12)})`, async () => {
        const { status, json } = await post(body, type);
        assert.deepEqual([status, json.code], [400, 'MalformedBody']);
        if (typeof detail === 'string') assert.equal(json.detail, detail);
        else assert.match(json.detail, detail);
      });
    }

    it('of another type, or of none', async () => {
      const form = await post('a=b', 'application/x-www-form-urlencoded');
      assert.deepEqual([form.status, form.json.code], [415, 'UnsupportedMediaType']);
      assert.match(
        form.json.detail,
        /x-www-form-urlencoded is not read here; send application\/json or application\/yaml/,
      );
      const none = await api.app.request(jobs, {
        method: 'POST',
        body: new Uint8Array([123, 125]),
        headers: { host: 'localhost' },
      });
      assert.equal(none.status, 415);
    });

    it('too large, whether they say so or not', async () => {
      const stated = await post('x'.repeat(maxBodyBytes + 1));
      assert.deepEqual([stated.status, stated.json.code], [413, 'BodyTooLarge']);
      let sent = 0;
      const endless = new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += 65_536;
          controller.enqueue(new Uint8Array(65_536).fill(32));
        },
      });
      const headers = { 'content-type': 'application/json', host: 'localhost' };
      const response = await api.app.request(jobs, {
        method: 'POST',
        body: endless,
        headers,
        duplex: 'half',
      } as RequestInit);
      assert.equal(response.status, 413);
      assert.ok(sent < 2 * maxBodyBytes, 'it stops reading');
    });

    it('too large for Consul', async () => {
      const { status, json } = await api.send(
        'POST',
        jobs,
        manifest('big', { executor: { shell: { script: 'x'.repeat(400_000) } } }),
      );
      assert.deepEqual([status, json.code, json.errors[0].field], [400, 'InvalidInput', 'spec']);
      assert.match(json.errors[0].message, /at most 368640 fit into Consul/);
    });

    it('full of aliases', async () => {
      const levels = Array.from(
        { length: 9 },
        (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`,
      );
      const { status } = await post(['l0: &l0 x', ...levels].join('\n'), 'application/yaml');
      assert.equal(status, 400);
      const cyclic = await post('metadata: &m { name: a, labels: { a: *m } }\nspec: {}', 'application/yaml');
      assert.equal(cyclic.status, 400);
    });

    it('with a revision that is none', async () => {
      const { json } = await api.send('PUT', `${jobs}/a`, manifest('a', {}, { revision: 'x' }));
      assert.equal(json.errors[0].field, 'metadata.revision');
    });
  });

  describe('of this side', () => {
    it('unexpected: 500, and nothing of it is told', async () => {
      failure = new TypeError('secret of postgresql://user:password@db');
      const { status, json, text } = await api.send('GET', '/api/v1/jobs', undefined, { 'x-request-id': 'r9' });
      failure = undefined;
      assert.deepEqual([status, json.code], [500, 'Internal']);
      assert.equal(json.detail, 'an unexpected error; the log has it under request r9');
      assert.ok(!text.includes('secret'));
    });

    it('the database away: 503, try again', async () => {
      failure = new CronmeshError('Unavailable', 'the database did not answer', { retryable: true });
      const { status, json, headers } = await api.send('GET', '/api/v1/jobs');
      failure = undefined;
      assert.deepEqual([status, json.code, headers.get('retry-after')], [503, 'Unavailable', '1']);
    });
  });

  describe('of strangers', () => {
    const trigger = (headers: Record<string, string>) => api.send('POST', `${jobs}/nobody/trigger`, undefined, headers);

    it('pages of other origins change nothing', async () => {
      for (const headers of [
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { origin: 'https://evil.example' },
        { origin: 'null' },
      ]) {
        const { status, json } = await trigger(headers as Record<string, string>);
        assert.deepEqual([status, json.code], [403, 'Forbidden']);
      }
      assert.equal((await trigger({ 'sec-fetch-site': 'same-origin', origin: 'http://localhost' })).status, 404);
      assert.equal((await trigger({})).status, 404);
    });

    it('other names of this server are not served', async () => {
      const get = async (host: string) => (await api.send('GET', '/api/v1/workers', undefined, { host })).status;
      assert.equal(await get('evil.example:8080'), 403);
      assert.equal(await get('localhost.evil.example'), 403);
      assert.equal(await get('LOCALHOST:8080'), 200);
      assert.equal(await get('[::1]:8080'), 200);
    });
  });
});
