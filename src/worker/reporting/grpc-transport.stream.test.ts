import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { gate, RecordingStore, someBatch } from '../../../test/support/reports.ts';
import type { ReportBatch } from '../../domain/run/report.ts';
import { ReportIngest } from '../../master/grpc/ingest.ts';
import { GrpcServer } from '../../master/grpc/server.ts';
import { silentLogger } from '../../observability/logger.ts';
import { type GrpcTransportOptions, grpcTransport } from './grpc-transport.ts';
import { DeliveryError } from './transport.ts';

const never = new AbortController().signal;

async function startMaster(t: TestContext, ingest: (batch: ReportBatch) => Promise<void>, port = 0) {
  const server = new GrpcServer({ host: '127.0.0.1', port, ingest, logger: silentLogger, drain: 500 });
  await server.start();
  t.after(() => server.stop());
  return server;
}

function transportTo(t: TestContext, port: number, options: Partial<GrpcTransportOptions> = {}) {
  const transport = grpcTransport({ target: `127.0.0.1:${port}`, ...options });
  t.after(() => transport.close());
  return transport;
}

/** A TCP proxy whose connections can be made to hang, as those of a machine that was cut off. */
async function startProxy(t: TestContext, to: number) {
  const sockets = new Set<Socket>();
  let silent = false;
  const silence = () => {
    silent = true;
  };
  const server = createServer(inner => {
    const outer = connect(to, '127.0.0.1');
    for (const [from, into] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(from);
      from.on('data', chunk => silent || into.write(chunk));
      from.on('close', () => into.destroy());
      from.on('error', () => {});
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, silence };
}

describe('grpcTransport', () => {
  it('has several batches under way on one stream, committed in the order of the calls', async t => {
    const store = new RecordingStore();
    const ingest = new ReportIngest({ store, logger: silentLogger });
    const three = gate();
    const hold = gate();
    let taken = 0;
    const server = await startMaster(t, batch => {
      if (++taken === 3) three.open();
      return hold.opened.then(() => ingest.ingest(batch));
    });
    const transport = transportTo(t, server.port);
    const all = [1, 11, 21].map(first => transport.deliver(someBatch(first, 10), never));
    await three.opened;
    assert.deepEqual(store.applied, []);
    hold.open();
    await Promise.all(all);
    assert.deepEqual(
      store.numbers(),
      Array.from({ length: 30 }, (_, index) => index + 1),
    );
  });

  it('rejects all that is under way when a commit fails, and works on the next stream', async t => {
    let healthy = false;
    const server = await startMaster(t, async () => {
      if (!healthy) throw new Error('the database is away');
    });
    const transport = transportTo(t, server.port);
    const results = await Promise.allSettled([1, 11].map(first => transport.deliver(someBatch(first, 10), never)));
    for (const result of results) {
      assert.ok(result.status === 'rejected' && result.reason instanceof DeliveryError);
      assert.match(result.reason.message, /the database is away/);
      assert.ok(result.reason.retryAfter > 0);
    }
    healthy = true;
    await transport.deliver(someBatch(1, 10), never);
  });

  it('gives a batch up that is not acknowledged in time', async t => {
    const server = await startMaster(t, () => new Promise(() => {}));
    const transport = transportTo(t, server.port, { acknowledgeTimeout: 50 });
    await assert.rejects(transport.deliver(someBatch(1, 1), never), /no acknowledgement within 50 ms/);
  });

  it('gives all up when a delivery is called back', async t => {
    const taken = gate();
    const server = await startMaster(t, () => {
      taken.open();
      return new Promise(() => {});
    });
    const transport = transportTo(t, server.port);
    const abort = new AbortController();
    const both = [transport.deliver(someBatch(1, 1), never), transport.deliver(someBatch(2, 1), abort.signal)];
    await taken.opened;
    abort.abort();
    for (const result of await Promise.allSettled(both)) assert.equal(result.status, 'rejected');
    await assert.rejects(transport.deliver(someBatch(3, 1), abort.signal), { name: 'AbortError' });
  });

  it('renews its stream when it is old, and keeps the order over the change', async t => {
    const store = new RecordingStore();
    const ingest = new ReportIngest({ store, logger: silentLogger });
    let streams = 0;
    let spool = '';
    const server = await startMaster(t, batch => ingest.ingest(batch));
    const logger = { ...silentLogger, debug: () => streams++ } as never;
    const transport = transportTo(t, server.port, { streamAge: 20, logger });
    const pending: Promise<void>[] = [];
    for (let first = 1; streams < 4; first += 2) {
      pending.push(transport.deliver(someBatch(first, 2), never));
      if (pending.length >= 4) await pending.shift();
      spool = `${first + 1}`;
    }
    await Promise.all(pending);
    assert.deepEqual(
      store.numbers(),
      Array.from({ length: Number(spool) }, (_, index) => index + 1),
    );
  });

  it('waits for a master that is not there yet', async t => {
    const first = await startMaster(t, async () => {});
    const { port } = first;
    await first.stop();
    const delivered = transportTo(t, port).deliver(someBatch(1, 1), never);
    await startMaster(t, async () => {}, port);
    await delivered;
  });

  it('notices a master that fell silent by its keepalive', async t => {
    const server = await startMaster(t, async () => {});
    const proxy = await startProxy(t, server.port);
    const channelOptions = { 'grpc.keepalive_time_ms': 200, 'grpc.keepalive_timeout_ms': 200 };
    const transport = transportTo(t, proxy.port, { acknowledgeTimeout: 60_000, channelOptions });
    await transport.deliver(someBatch(1, 1), never);
    proxy.silence();
    await assert.rejects(transport.deliver(someBatch(2, 1), never), /the stream to the master broke: .*UNAVAILABLE/);
  });

  it('refuses after it was closed', async () => {
    const transport = grpcTransport({ target: '127.0.0.1:1' });
    await transport.close();
    await transport.close();
    await assert.rejects(transport.deliver(someBatch(1, 1), never), /the transport is closed/);
  });
});
