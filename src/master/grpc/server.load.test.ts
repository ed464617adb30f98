import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClientDuplexStream, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { gate, someBatch } from '../../../test/support/reports.ts';
import type { ReportBatch } from '../../domain/run/report.ts';
import { type ReportRequest, type ReportResponse, ReportServiceClient } from '../../gen/cronmesh/v1/report.ts';
import { silentLogger } from '../../observability/logger.ts';
import { encodeBatch } from '../../wire/codec.ts';
import { GrpcServer, type GrpcServerOptions } from './server.ts';

type Stream = ClientDuplexStream<ReportRequest, ReportResponse>;

async function setUp(t: TestContext, options: Partial<GrpcServerOptions>) {
  const ingest = async () => {};
  const server = new GrpcServer({ host: '127.0.0.1', port: 0, logger: silentLogger, ingest, drain: 500, ...options });
  await server.start();
  const clients: ReportServiceClient[] = [];
  t.after(async () => {
    for (const client of clients) client.close();
    await server.stop();
  });
  /** Each over a connection of its own, as workers have. */
  const open = (): Stream => {
    const options = { 'grpc.use_local_subchannel_pool': 1 };
    const client = new ReportServiceClient(`127.0.0.1:${server.port}`, credentials.createInsecure(), options);
    clients.push(client);
    const stream = client.report();
    stream.on('error', () => {});
    return stream;
  };
  return { open };
}

async function acknowledged(stream: Stream, batch: ReportBatch): Promise<number> {
  stream.write(encodeBatch(batch));
  const [response] = (await once(stream, 'data')) as [ReportResponse];
  assert.equal(response.error, '');
  return response.acknowledged;
}

describe('the gRPC server under load', () => {
  it('refuses a stream too many with RESOURCE_EXHAUSTED and words, and takes it when one has gone', async t => {
    const { open } = await setUp(t, { maxStreams: 2 });
    const streams = [open(), open()];
    for (const stream of streams) assert.equal(await acknowledged(stream, someBatch(1, 1)), 1);
    const third = open();
    const [error] = (await once(third, 'error')) as [ServiceError];
    assert.equal(error.code, status.RESOURCE_EXHAUSTED);
    assert.match(error.details, /2 workers report to this master.*another master/);
    streams[0]?.end();
    // The server hears of the end a moment later.
    for (let tries = 0; ; tries++) {
      const again = open();
      again.write(encodeBatch(someBatch(1, 1)));
      const taken = await Promise.race([once(again, 'data').then(() => true), once(again, 'error').then(() => false)]);
      if (taken) break;
      assert.ok(tries < 50, 'its place is not given back');
      await delay(100);
    }
  });

  it('reads no further while too much is uncommitted, and goes on when it is', async t => {
    const commit = gate();
    const taken: number[] = [];
    const batchBytes = 20 * 500;
    const { open } = await setUp(t, {
      maxUncommittedBytes: 4 * batchBytes,
      ingest: async batch => {
        taken.push(batch.first);
        await commit.opened;
      },
    });
    const streams = Array.from({ length: 6 }, open);
    const all = streams.map(async stream => {
      let last = 0;
      const done = (async () => {
        for await (const response of stream) {
          last = (response as ReportResponse).acknowledged;
          if (last === 80) return last;
        }
        return last;
      })();
      for (const first of [1, 21, 41, 61]) stream.write(encodeBatch(someBatch(first, 20)));
      return await done;
    });
    while (taken.length < 4) await delay(20);
    await delay(500);
    // Of each stream what had been read when it was told to rest may come still: nothing like all 24 batches.
    assert.ok(taken.length <= 12, `${taken.length} batches were read`);
    commit.open();
    assert.deepEqual(await Promise.all(all), [80, 80, 80, 80, 80, 80]);
    assert.equal(taken.length, 24);
  });

  it('refuses a message that is too large, and goes on with others', async t => {
    const { open } = await setUp(t, {});
    const huge = open();
    const batch = someBatch(1, 1);
    huge.write({ ...encodeBatch(batch), worker: 'x'.repeat(5 * 1024 * 1024) });
    const [error] = (await once(huge, 'error')) as [ServiceError];
    assert.equal(error.code, status.RESOURCE_EXHAUSTED);
    assert.equal(await acknowledged(open(), batch), 1);
  });
});
