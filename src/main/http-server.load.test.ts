import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { admission, classOf } from '../master/http/admission/admission.ts';
import { silentLogger } from '../observability/logger.ts';
import { HttpServer } from './http-server.ts';

interface Options {
  readonly connections?: number;
  readonly requestSeconds?: number;
  readonly streamsPerClient?: number;
  readonly delay?: () => number;
}

/** A server whose reads end when `let go`, whose streams when their clients go, and whose writes when their body is there. */
async function serve(t: TestContext, options: Options = {}) {
  const { connections = 100, requestSeconds = 30, streamsPerClient = 2, delay = () => 0 } = options;
  const registry = new Registry();
  const held: (() => void)[] = [];
  const changes: string[] = [];
  const server = new HttpServer({ host: '127.0.0.1', port: 0, limits: { connections, requestSeconds } });
  const fetch = async (asked: Request): Promise<Response> => {
    const { pathname } = new URL(asked.url);
    if (pathname.startsWith('/api/v1/runs/') || pathname.endsWith('/events')) {
      const body = new ReadableStream({ start: stream => stream.enqueue(new TextEncoder().encode('hello')) });
      return new Response(body);
    }
    if (pathname === '/held') await new Promise<void>(resolve => held.push(resolve));
    if (asked.method === 'POST') changes.push(await asked.text());
    return new Response('fine');
  };
  const limits = { reads: 2, writes: 2, streams: 3, streamsPerClient, loopDelay: 100 };
  server.use(admission(fetch, { ...limits, delay, registry, logger: silentLogger }));
  server.measure(registry);
  await server.start();
  const agent = new Agent({ keepAlive: true });
  t.after(async () => {
    for (const resolve of held) resolve();
    agent.destroy();
    await server.stop();
  });
  const ask = async (path: string, from = '127.0.0.1', method = 'GET'): Promise<IncomingMessage> => {
    const asked = request({ agent, port: server.port, host: '127.0.0.1', localAddress: from, path, method });
    asked.end(method === 'POST' ? 'body' : undefined);
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    return answer;
  };
  return { server, registry, held, changes, ask };
}

async function problemIn(answer: IncomingMessage) {
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  assert.match(String(answer.headers['retry-after']), /^\d+$/);
  return (JSON.parse(await text(answer)) as { code: string }).code;
}

async function open(t: TestContext, port: number, beginning: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  socket.write(beginning);
  return socket;
}

describe('the HTTP server under load', () => {
  it('carries out no change whose client hung up while this process was stopped', async t => {
    const { server, changes, ask } = await serve(t);
    const change = 'POST /api/v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nold';
    const client = `require('net').connect(${server.port}, '127.0.0.1').end(${JSON.stringify(change)}, () => process.exit())`;
    // This event loop stands still until the other process has asked and is gone.
    const { status } = spawnSync(process.execPath, ['-e', client], { timeout: 10_000 });
    assert.equal(status, 0);
    await ask('/api/v1/jobs', '127.0.0.1', 'POST');
    assert.deepEqual(changes, ['body']);
  });

  it('lets no client have more than its share of streams, and no more of them in all; gone ones make room', async t => {
    const { ask, registry } = await serve(t);
    const mine = [await ask('/api/v1/events'), await ask('/api/v1/runs/a/logs?follow=true')];
    const third = await ask('/api/v1/events');
    assert.deepEqual([third.statusCode, await problemIn(third)], [429, 'TooManyRequests']);
    await ask('/api/v1/events', '127.0.0.2');
    const fifth = await ask('/api/v1/events', '127.0.0.3');
    assert.deepEqual([fifth.statusCode, await problemIn(fifth)], [503, 'Overloaded']);
    const metrics = await registry.metrics();
    assert.match(metrics, /cronmesh_requests_shed_total\{class="streams",why="client"\} 1/);
    assert.match(metrics, /cronmesh_requests_shed_total\{class="streams",why="total"\} 1/);
    assert.match(metrics, /cronmesh_requests_active\{class="streams"\} 3/);
    const [gone] = mine;
    assert.ok(gone);
    gone.destroy();
    await once(gone, 'close');
    for (let i = 0; ; i++) {
      const again = await ask('/api/v1/events');
      if (again.statusCode === 200) break;
      assert.ok(i < 10, 'its place is not given back');
      again.resume();
    }
  });

  it('answers health while reads wait for their places, and reads once there are some', async t => {
    const { ask, held } = await serve(t);
    const waiting = Array.from({ length: 4 }, () => ask('/held'));
    while (held.length < 1) await new Promise(resolve => setTimeout(resolve, 10));
    assert.equal((await ask('/healthz')).statusCode, 200);
    assert.equal((await ask('/other', '127.0.0.2')).statusCode, 200, 'another client has its own share');
    for (let done = 0; done < 4; done++) {
      while (held.length === 0) await new Promise(resolve => setTimeout(resolve, 10));
      held.shift()?.();
    }
    assert.deepEqual(
      (await Promise.all(waiting)).map(answer => answer.statusCode),
      [200, 200, 200, 200],
    );
  });

  it('refuses reads when its timers come late, and writes at twice as much', async t => {
    let late = 150;
    const { ask } = await serve(t, { delay: () => late });
    const read = await ask('/');
    assert.deepEqual([read.statusCode, await problemIn(read)], [503, 'Overloaded']);
    assert.equal((await ask('/', '127.0.0.1', 'POST')).statusCode, 200);
    late = 250;
    const write = await ask('/', '127.0.0.1', 'POST');
    assert.deepEqual([write.statusCode, await problemIn(write)], [503, 'Overloaded']);
    assert.equal(write.headers.connection, 'close', 'a body that nobody reads would hold the connection');
    assert.equal((await ask('/metrics')).statusCode, 200);
  });

  it('closes what is idle or half open when there are too many connections, and answers newcomers', async t => {
    const { server, ask } = await serve(t, { connections: 5 });
    const halfOpen: Socket[] = [];
    for (let i = 0; i < 5; i++) halfOpen.push(await open(t, server.port, 'GET / HTTP/1.1\r\nho'));
    const [first] = halfOpen;
    assert.ok(first);
    const closed = once(first, 'close');
    assert.equal((await ask('/healthz')).statusCode, 200);
    await closed;
    assert.equal(halfOpen.filter(socket => !socket.destroyed).length, 4);
  });

  it('gives up on a body that does not come', async t => {
    const { server } = await serve(t, { requestSeconds: 1 });
    const slow = await open(t, server.port, 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nbegun');
    const answer = await text(slow);
    assert.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\n/);
    assert.match(answer, /"code":"RequestTimeout"/);
  });

  it('refuses headers that are too large', async t => {
    const { server } = await serve(t);
    const asked = get({ port: server.port, host: '127.0.0.1', headers: { long: 'x'.repeat(20_000) } });
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    assert.deepEqual(
      [answer.statusCode, answer.headers['content-type'], answer.headers.connection],
      [431, 'application/problem+json', 'close'],
    );
    assert.equal((JSON.parse(await text(answer)) as { code: string }).code, 'HeadersTooLarge');
  });

  it('answers what is no HTTP with a problem, and closes', async t => {
    const { server } = await serve(t);
    const answer = await text(await open(t, server.port, 'nonsense\r\n\r\n'));
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json\r\n/);
    assert.match(answer, /\r\n\r\n\{.*"code":"InvalidInput".*\}$/);
  });
});

describe('the class of a request', () => {
  for (const [method, url, what] of [
    ['GET', '/healthz', undefined],
    ['GET', '/metrics?x', undefined],
    ['GET', '/api/v1/runs?limit=5', 'reads'],
    ['GET', '/api/v1/runs/x/logs?follow=true', 'streams'],
    ['HEAD', '/api/v1/events', 'streams'],
    ['POST', '/api/v1/runs/x/kill', 'writes'],
    ['DELETE', '/healthz', undefined],
  ] as const)
    it(`${method} ${url} is ${what ?? 'always answered'}`, () => assert.equal(classOf(method, url), what));
});
