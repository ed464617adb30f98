import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { LokiClient, type LokiOptions } from './client.ts';
import { LokiShipper, type ShipperOptions } from './shipper.ts';

interface Pushed {
  readonly headers: IncomingMessage['headers'];
  readonly entries: readonly (readonly [at: string, line: string, metadata: Record<string, string>])[];
  readonly labels: readonly Record<string, string>[];
}

/** A server that answers pushes with a status, after what `answer` waits for. */
async function server(answer: (push: number) => Promise<number> | number) {
  const pushes: Pushed[] = [];
  const http: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(gunzipSync(Buffer.concat(chunks)).toString());
    pushes.push({
      headers: request.headers,
      entries: body.streams.flatMap((one: { values: Pushed['entries'] }) => one.values),
      labels: body.streams.map((one: { stream: Record<string, string> }) => one.stream),
    });
    response.writeHead(await answer(pushes.length)).end('because');
  });
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve));
  after(() => http.close());
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    url,
    pushes,
    accepted: (from = 0) => pushes.slice(from).flatMap(push => push.entries.map(([, line]) => line)),
  };
}

const line = (text: string, more: object = {}) =>
  `${JSON.stringify({ level: 'info', time: '2026-11-25T10:00:00.000Z', program: 'master', ...more, msg: text })}\n`;
const messages = (lines: readonly string[]) => lines.map(one => (JSON.parse(one) as { msg: string }).msg);

async function shipper(t: TestContext, options: LokiOptions, more: Partial<ShipperOptions> = {}) {
  const told: string[] = [];
  const made = new LokiShipper({
    client: new LokiClient(options),
    program: 'master',
    onTrouble: reason => told.push(reason),
    every: 20,
    retry: { initial: 20, maximum: 50, factor: 2 },
    ...more,
  });
  await made.start();
  t.after(() => made.stop());
  return { shipper: made, told };
}

describe('lines on their way to Loki', () => {
  it('come in order, with few labels, and instants that grow', async t => {
    const loki = await server(() => 204);
    const { shipper: ship } = await shipper(t, { url: loki.url, tenant: 'ops', username: 'ada', password: 'secret' });
    for (let i = 0; i < 100; i++) ship.take(line(`line ${i}`, { run: `r-${i}`, traceId: 't', component: 'leader' }));
    await ship.stop();
    assert.deepEqual(
      messages(loki.accepted()),
      Array.from({ length: 100 }, (_, i) => `line ${i}`),
    );
    const entries = loki.pushes.flatMap(push => push.entries);
    const instants = entries.map(([at]) => BigInt(at));
    assert.ok(instants.every((at, i) => i === 0 || at > (instants[i - 1] ?? 0n)));
    assert.equal((instants[0] ?? 0n) / 1_000_000n, BigInt(Date.parse('2026-11-25T10:00:00.000Z')));
    const [push] = loki.pushes;
    assert.deepEqual(push?.labels, [{ app: 'cronmesh', kind: 'log', program: 'master', slot: '20' }]);
    const { instance, ...metadata } = entries[3]?.[2] ?? assert.fail();
    assert.deepEqual(metadata, { component: 'leader', level: 'info', run: 'r-3', traceId: 't' });
    assert.match(instance ?? '', new RegExp(`-${process.pid}$`));
    assert.equal(push.headers['x-scope-orgid'], 'ops');
    assert.equal(push.headers.authorization, `Basic ${Buffer.from('ada:secret').toString('base64')}`);
  });

  it('are sent again as they were until they are taken, those behind them afterwards', async t => {
    const loki = await server(push => [503, 429, 500, 204][push - 1] ?? 204);
    const { shipper: ship, told } = await shipper(t, { url: loki.url, token: 'abc' });
    ship.take(line('first'));
    while (loki.pushes.length < 2) await new Promise(resolve => setTimeout(resolve, 5));
    ship.take(line('second'));
    while (loki.pushes.length < 5) await new Promise(resolve => setTimeout(resolve, 5));
    await ship.stop();
    assert.deepEqual(
      loki.pushes.map(push => messages(push.entries.map(([, text]) => text))),
      [['first'], ['first'], ['first'], ['first'], ['second']],
    );
    assert.deepEqual(loki.pushes[3]?.entries, loki.pushes[0]?.entries);
    assert.deepEqual(ship.pushes, { accepted: 2, refused: 0, failed: 3 });
    assert.deepEqual(told, ['status 503: because'], 'it is said once a minute');
    assert.equal(loki.pushes[0]?.headers.authorization, 'Bearer abc');
  });

  it('that are refused for good are not sent again, and hold nothing up', async t => {
    const loki = await server(push => (push === 1 ? 400 : 204));
    const { shipper: ship } = await shipper(t, { url: loki.url });
    ship.take(line('too old'));
    while (loki.pushes.length < 1) await new Promise(resolve => setTimeout(resolve, 5));
    ship.take(line('new'));
    await ship.stop();
    assert.deepEqual(messages(loki.accepted(1)), ['new']);
    assert.deepEqual(ship.pushes, { accepted: 1, refused: 1, failed: 0 });
  });

  it('wait within a bound while nobody takes them: the oldest go, and are counted', async t => {
    const gone = Promise.withResolvers<number>();
    const loki = await server(push => (push === 1 ? gone.promise : 204));
    const limitBytes = 100_000;
    const { shipper: ship } = await shipper(t, { url: loki.url }, { limitBytes });
    ship.take(line('first'));
    while (loki.pushes.length < 1) await new Promise(resolve => setTimeout(resolve, 5));
    const count = 20_000;
    const began = performance.now();
    for (let i = 0; i < count; i++) {
      ship.take(line(`line ${i}`));
      assert.ok(ship.waitingBytes <= limitBytes);
    }
    assert.ok(performance.now() - began < 2_000, 'nobody waits for it');
    assert.ok(ship.dropped > count / 2);
    gone.resolve(204);
    await ship.stop();
    const taken = messages(loki.accepted(1));
    assert.equal(taken.length, count - ship.dropped);
    assert.deepEqual(
      taken,
      Array.from({ length: taken.length }, (_, i) => `line ${ship.dropped + i}`),
      'the newest are there, in order',
    );
  });

  it('are given up at the end after 3 s, where the server hangs', async t => {
    const { promise: never } = Promise.withResolvers<number>();
    const loki = await server(() => never);
    const { shipper: ship } = await shipper(t, { url: loki.url });
    ship.take(line('unheard'));
    const began = performance.now();
    await ship.stop();
    assert.ok(performance.now() - began < 4_000);
  });
});
