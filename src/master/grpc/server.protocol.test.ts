import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import {
  type ClientDuplexStream,
  credentials,
  loadPackageDefinition,
  makeGenericClientConstructor,
} from '@grpc/grpc-js';
import { load } from '@grpc/proto-loader';
import { service as healthService } from 'grpc-health-check';
import { gate, RecordingStore, someBatch } from '../../../test/support/reports.ts';
import { type ReportRequest, type ReportResponse, ReportServiceClient } from '../../gen/cronmesh/v1/report.ts';
import { silentLogger } from '../../observability/logger.ts';
import { encodeBatch } from '../../wire/codec.ts';
import { ReportIngest } from './ingest.ts';
import { GrpcServer } from './server.ts';

type Stream = ClientDuplexStream<ReportRequest, ReportResponse>;

async function setUp(t: TestContext, options: { clock?: () => number } = {}) {
  const store = new RecordingStore();
  const ingest = new ReportIngest({ store, logger: silentLogger });
  const taken: number[] = [];
  const server = new GrpcServer({
    host: '127.0.0.1',
    port: 0,
    logger: silentLogger,
    ingest: batch => {
      taken.push(batch.first);
      return ingest.ingest(batch);
    },
    ...options,
  });
  await server.start();
  const client = new ReportServiceClient(`127.0.0.1:${server.port}`, credentials.createInsecure());
  t.after(async () => {
    client.close();
    await server.stop();
  });
  const open = (): Stream => {
    const stream = client.report();
    stream.on('error', () => {});
    return stream;
  };
  return { store, server, client, open, taken };
}

/** The next answer of the stream. */
async function answer(stream: Stream): Promise<ReportResponse> {
  const [response] = await once(stream, 'data');
  stream.pause();
  return response;
}

describe('GrpcServer', () => {
  it('acknowledges each batch in order, and only after its commit', async t => {
    const { store, open } = await setUp(t);
    const commit = gate();
    const begun = gate();
    store.before = () => {
      begun.open();
      return commit.opened;
    };
    const stream = open();
    const answers: number[] = [];
    const both = new Promise<void>(resolve =>
      stream.on('data', (response: ReportResponse) => {
        if (answers.push(response.acknowledged) === 2) resolve();
      }),
    );
    stream.write(encodeBatch(someBatch(1, 10)));
    stream.write(encodeBatch(someBatch(11, 5)));
    await begun.opened;
    assert.deepEqual(answers, []);
    commit.open();
    await both;
    assert.deepEqual(answers, [10, 15]);
    assert.equal(store.numbers().length, 15);
  });

  it('answers a failed commit with its error and ends the stream, without taking what is behind it', async t => {
    const { store, open } = await setUp(t);
    store.before = () => {
      throw new Error('the database did not answer');
    };
    const stream = open();
    stream.write(encodeBatch(someBatch(1, 10)));
    stream.write(encodeBatch(someBatch(11, 10)));
    const response = await answer(stream);
    assert.deepEqual([response.acknowledged, response.error], [0, 'the database did not answer']);
    assert.ok(response.retryAfterMs > 0);
    stream.resume();
    await once(stream, 'end');
    assert.deepEqual(store.applied, []);
  });

  it('names what it cannot read, and drops that report alone once no master could for a minute', async t => {
    let now = 1_000_000;
    const { store, open } = await setUp(t, { clock: () => now });
    const batch = encodeBatch(someBatch(1, 3));
    const bad = batch.reports[1]?.fact;
    assert.ok(bad?.$case === 'finished');
    bad.value.outcome = 'Exploded';
    const send = () => {
      const stream = open();
      stream.write(batch);
      return answer(stream);
    };
    assert.match((await send()).error, /finished\.outcome: must be one of .*, got "Exploded"/);
    now += 59_000;
    assert.match((await send()).error, /Exploded/);
    assert.deepEqual(store.applied, []);
    now += 1_000;
    const { error, acknowledged } = await send();
    assert.deepEqual([error, acknowledged], ['', 3]);
    assert.deepEqual(store.numbers(), [1, 3]);
  });

  it('reads no further than eight uncommitted batches', async t => {
    const { store, open, taken } = await setUp(t);
    const commit = gate();
    store.before = () => commit.opened;
    const stream = open();
    let answers = 0;
    const all = new Promise<void>(resolve =>
      stream.on('data', () => {
        if (++answers === 200) resolve();
      }),
    );
    for (let i = 0; i < 200; i++) stream.write(encodeBatch(someBatch(i * 100 + 1, 100)));
    // Another stream's round trip: by then the server has had every chance to read on.
    const other = open();
    other.write(encodeBatch(someBatch(1, 0, 'other')));
    await answer(other);
    assert.ok(taken.length <= 10, `${taken.length} batches were taken`);
    commit.open();
    await all;
    assert.equal(store.numbers().length, 20_000);
  });

  it('refuses a message over 4 MiB', async t => {
    const { open } = await setUp(t);
    const batch = encodeBatch(someBatch(1, 1));
    const stream = open();
    const failed = once(stream, 'error').catch((error: Error) => [error]);
    stream.write({ ...batch, spool: 'x'.repeat(4 * 1024 * 1024) });
    const [error] = await failed;
    assert.match(String(error), /RESOURCE_EXHAUSTED/);
  });

  it('answers what was taken before it stops, and tells its health', async t => {
    const { store, server, open, client } = await setUp(t);
    const commit = gate();
    const begun = gate();
    store.before = () => {
      begun.open();
      return commit.opened;
    };
    const Health = makeGenericClientConstructor(healthService, 'grpc.health.v1.Health');
    const health = new Health(`127.0.0.1:${server.port}`, credentials.createInsecure());
    t.after(() => health.close());
    const check = () =>
      new Promise((resolve, reject) =>
        health.check?.({ service: 'cronmesh.v1.ReportService' }, (error: unknown, response: { status: string }) =>
          error ? reject(error) : resolve(response.status),
        ),
      );
    assert.equal(await check(), 'SERVING');
    server.setServing(false);
    assert.equal(await check(), 'NOT_SERVING');
    const stream = open();
    stream.write(encodeBatch(someBatch(1, 10)));
    await begun.opened;
    const answered = answer(stream);
    const stopped = server.stop();
    commit.open();
    assert.equal((await answered).acknowledged, 10);
    stream.resume();
    await once(stream, 'end');
    await stopped;
    await server.stop();
    client.close();
  });

  it('describes itself by reflection', async t => {
    const { server } = await setUp(t);
    const definition = await load('grpc/reflection/v1/reflection.proto', {
      includeDirs: [new URL('../../../node_modules/@grpc/reflection/build/proto', import.meta.url).pathname],
    });
    const root = loadPackageDefinition(definition) as never as {
      grpc: { reflection: { v1: { ServerReflection: ReturnType<typeof makeGenericClientConstructor> } } };
    };
    const client = new root.grpc.reflection.v1.ServerReflection(
      `127.0.0.1:${server.port}`,
      credentials.createInsecure(),
    );
    t.after(() => client.close());
    const stream = client.serverReflectionInfo?.();
    stream.write({ listServices: '' });
    const [response] = await once(stream, 'data');
    const names = response.listServicesResponse.service.map((one: { name: string }) => one.name);
    assert.ok(names.includes('cronmesh.v1.ReportService'), names.join());
    stream.end();
  });

  it('says so when its port is taken', async t => {
    const { server } = await setUp(t);
    const second = new GrpcServer({
      host: '127.0.0.1',
      port: server.port,
      logger: silentLogger,
      ingest: async () => {},
    });
    await assert.rejects(second.start(), /EADDRINUSE|address already in use|No address added/);
    await second.stop();
  });
});
