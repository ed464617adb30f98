import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { matchesStatus } from '../../../domain/http-status.ts';
import { httpRequest, recorder, until } from '../../supervisor/testing/requests.ts';
import { createHttpExecutor } from './index.ts';

const executor = createHttpExecutor({ allowPrivateAddresses: true });

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A server that notes what it is asked, and answers as the test says. */
async function serve(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const body = (await request.toArray()).join('');
    seen.push({ method: request.method, url: request.url, headers: request.headers, body });
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const connections = () => new Promise<number>(resolve => server.getConnections((_error, count) => resolve(count)));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, connections };
}

async function run(spec: Parameters<typeof httpRequest>[0]) {
  const record = recorder();
  const result = await executor.execute(httpRequest(spec), record.hooks).result;
  return { ...record.texts, result };
}

test('a request carries method, headers, body and the run', async t => {
  const { url, seen } = await serve(t, (_request, response) => response.end('fine'));
  const { result, stdout, system } = await run({
    url: `${url}/hook?x=1`,
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Own': 'yes' },
    body: '{"a":1}',
  });
  assert.deepEqual(result, { outcome: 'Succeeded', httpStatus: 200 });
  assert.equal(stdout, 'fine');
  assert.match(system, /^POST http:\/\/127\.0\.0\.1:\d+\/hook\?x=1 → 200 OK \(\d+ ms\)\n$/);
  const [request] = seen;
  assert.equal(request?.method, 'POST');
  assert.equal(request?.body, '{"a":1}');
  assert.equal(request?.headers['x-own'], 'yes');
  assert.equal(request?.headers['cronmesh-job'], 'job');
  assert.equal(request?.headers['cronmesh-attempt'], '1');
  assert.equal(request?.headers['cronmesh-fencing-token'], '42');
});

test('a status that is not expected fails', async t => {
  const { url } = await serve(t, (_request, response) => response.writeHead(503).end('busy'));
  const { result, stdout } = await run({ url });
  assert.deepEqual(result, {
    outcome: 'Failed',
    httpStatus: 503,
    message: 'the server answered 503 Service Unavailable, expected was 2xx',
  });
  assert.equal(stdout, 'busy');
  assert.equal((await run({ url, expectedStatus: [200, '503'] })).result.outcome, 'Succeeded');
});

test('statuses, classes and ranges are expected', () => {
  assert.ok(matchesStatus(204, [204]) && matchesStatus(204, ['204']) && matchesStatus(204, ['2xx']));
  assert.ok(matchesStatus(299, ['200-299']) && !matchesStatus(300, ['200-299']) && !matchesStatus(304, [200, '2xx']));
});

test('redirects are followed as far as allowed, and 303 becomes GET', async t => {
  const { url, seen } = await serve(t, (request, response) => {
    if (request.url === '/a') response.writeHead(303, { location: '/b' }).end();
    else if (request.url === '/b') response.writeHead(307, { location: '/c' }).end();
    else response.end('end');
  });
  const spec = { url: `${url}/a`, method: 'POST', body: 'x', headers: { authorization: 'secret' } } as const;
  const followed = await run({ ...spec, maxRedirects: 2 });
  assert.equal(followed.result.outcome, 'Succeeded');
  assert.equal(followed.stdout, 'end');
  assert.deepEqual(
    seen.map(({ method, url: path, body, headers }) => [method, path, body, headers.authorization]),
    [
      ['POST', '/a', 'x', 'secret'],
      ['GET', '/b', '', 'secret'],
      ['GET', '/c', '', 'secret'],
    ],
  );
  const tooMany = await run({ ...spec, maxRedirects: 1 });
  assert.deepEqual(tooMany.result, {
    outcome: 'Failed',
    httpStatus: 307,
    message: 'the request failed: more redirects than maxRedirects: 1',
  });
  assert.equal((await run({ ...spec, expectedStatus: [303] })).result.outcome, 'Succeeded');
});

test('credentials do not follow to another origin, 307 keeps method and body', async t => {
  const other = await serve(t, (_request, response) => response.end());
  const { url, seen } = await serve(t, (_request, response) => {
    response.writeHead(307, { location: `${other.url}/there` }).end();
  });
  const headers = { Authorization: 'secret', Cookie: 'a=b', 'X-Own': 'yes' };
  const { result } = await run({ url, method: 'PUT', body: 'data', headers, maxRedirects: 1 });
  assert.equal(result.outcome, 'Succeeded');
  assert.equal(seen[0]?.headers.authorization, 'secret');
  const [there] = other.seen;
  assert.deepEqual([there?.method, there?.body], ['PUT', 'data']);
  assert.deepEqual(
    [there?.headers.authorization, there?.headers.cookie, there?.headers['x-own']],
    [undefined, undefined, 'yes'],
  );
});

test('a redirect to something that is not http fails', async t => {
  const { url, connections } = await serve(t, (_request, response) => {
    response.writeHead(302, { location: 'file:///etc' }).write('never ends');
  });
  const { result } = await run({ url, maxRedirects: 5 });
  assert.match(result.message ?? '', /redirects to "file:\/\/\/etc", which is no http or https URL/);
  await until(async () => (await connections()) === 0);
});

test('private addresses are refused, by address and by name, unless allowed', async t => {
  const { url, seen } = await serve(t, (_request, response) => response.end());
  const guarded = createHttpExecutor({ allowPrivateAddresses: false });
  for (const target of [url, url.replace('127.0.0.1', 'localhost')]) {
    const { result } = guarded.execute(httpRequest({ url: target }), recorder().hooks);
    const { outcome, message } = await result;
    assert.equal(outcome, 'Failed');
    assert.match(message ?? '', /is a loopback address, which this worker does not call; to allow it set worker\./);
  }
  assert.equal(seen.length, 0);
});

test('end cuts a request off, before the answer and within the body', async t => {
  const arrived = Promise.withResolvers<void>();
  const { url } = await serve(t, (request, response) => {
    if (request.url === '/body') response.write('begin');
    else arrived.resolve();
  });
  const waiting = executor.execute(httpRequest({ url }), recorder().hooks);
  await arrived.promise;
  waiting.end({ kind: 'timeout' }, 1_000);
  assert.deepEqual(await waiting.result, { outcome: 'TimedOut', message: 'ended after its timeout of 30 s' });

  const record = recorder();
  const reading = executor.execute(httpRequest({ url: `${url}/body` }), record.hooks);
  await record.printed('begin');
  reading.end({ kind: 'killed', by: 'anna' }, 1_000);
  assert.deepEqual(await reading.result, { outcome: 'Killed', httpStatus: 200, message: 'killed by anna' });
});

test('the first and the last half of the body are kept', async t => {
  const { url } = await serve(t, (_request, response) => response.end('0123456789'));
  const { stdout, system } = await run({ url, outputLimitBytes: 4 });
  assert.equal(stdout, '0189');
  assert.match(system, /body: 6 bytes are left out here: outputLimitBytes is 4/);
});

test('a refused connection says so', async t => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  t.diagnostic(`port ${port}`);
  const { result } = await run({ url: `http://127.0.0.1:${port}` });
  assert.equal(result.outcome, 'Failed');
  assert.match(result.message ?? '', /^the request failed: connect ECONNREFUSED 127\.0\.0\.1:\d+$/);
});
