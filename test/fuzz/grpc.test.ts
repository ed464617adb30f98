import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { Client, type ClientDuplexStream, credentials, type ServiceError } from '@grpc/grpc-js';
import type { WorkerId } from '../../src/domain/run/run.ts';
import { ReportRequest, ReportResponse } from '../../src/gen/cronmesh/v1/report.ts';
import { ReportIngest } from '../../src/master/grpc/ingest.ts';
import { GrpcServer } from '../../src/master/grpc/server.ts';
import { silentLogger } from '../../src/observability/logger.ts';
import { openPgliteStore } from '../../src/store/prisma/index.ts';
import type { Store } from '../../src/store/store.ts';
import { encodeBatch } from '../../src/wire/codec.ts';
import {
  claimed,
  finished,
  newUid,
  output,
  progressed,
  referenceOf,
  skipped,
  start,
  started,
} from '../conformance/store/fixtures.ts';
import { fuzz, Mutator } from './support/mutate.ts';
import { Random } from './support/random.ts';
import { runs, seed } from './support/settings.ts';

type Stream = ClientDuplexStream<Buffer, ReportResponse>;
type Ending = ReportResponse | { readonly status: number };

const path = '/cronmesh.v1.ReportService/Report';
const worker = 'worker-1-k3v9' as WorkerId;
const inTime = 5_000;

/** Every kind of report, of one run. */
function batch(first = 1, spool = 'spool-1') {
  const run = referenceOf();
  const reports = [
    claimed(run),
    started(run),
    output(run, 1, 'a line'),
    progressed(run, 50, start),
    finished(run),
    skipped({ jobUid: run.jobUid }),
  ];
  return encodeBatch({ worker, spool, first, reports });
}

describe('fuzz: ReportService', () => {
  let store: Store;
  let server: GrpcServer;
  let client: Client;
  before(async () => {
    store = await openPgliteStore();
    await store.migrate();
    const ingest = new ReportIngest({ store, logger: silentLogger });
    server = new GrpcServer({ host: '127.0.0.1', port: 0, logger: silentLogger, ingest: one => ingest.ingest(one) });
    await server.start();
    client = connect();
  });
  after(async () => {
    client.close();
    await server.stop();
    await store.close();
  });

  const connect = (): Client =>
    new Client(`127.0.0.1:${server.port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const open = (by = client): Stream => {
    const stream = by.makeBidiStreamRequest<Buffer, ReportResponse>(
      path,
      bytes => bytes,
      bytes => ReportResponse.decode(bytes),
    );
    stream.on('error', () => {});
    return stream;
  };

  /** The first answer, or the status that the stream ended with. */
  async function send(...messages: readonly Uint8Array[]): Promise<Ending> {
    const stream = open();
    try {
      const answered = once(stream, 'data').then(([response]) => response as ReportResponse);
      const ended = new Promise<Ending>(resolve => stream.once('status', ({ code }) => resolve({ status: code })));
      answered.catch(() => {});
      for (const message of messages) stream.write(Buffer.from(message));
      stream.end();
      const late = new Promise<never>((_, reject) => {
        setTimeout(() => reject(new Error(`no answer within ${inTime} ms`)), inTime).unref();
      });
      return await Promise.race([answered.catch((error: ServiceError) => ({ status: error.code })), ended, late]);
    } finally {
      stream.cancel();
    }
  }

  /** A right batch is committed, whatever was before it. */
  async function serves(): Promise<void> {
    const good = batch(1, `spool-${newUid()}`);
    assert.deepEqual(await send(ReportRequest.encode(good).finish()), {
      spool: good.spool,
      acknowledged: 6,
      error: '',
      retryAfterMs: 0,
    });
  }

  /** All that was stored can be read, as REST and the leader do. */
  async function readable(): Promise<void> {
    let cursor: string | undefined;
    do {
      const page = await store.listRuns({ limit: 500, ...(cursor !== undefined && { cursor }) });
      for (const run of page.items) {
        for (const at of [run.tick, run.requestedAt, run.claimedAt, run.startedAt, run.finishedAt]) {
          if (at !== undefined) assert.ok(!Number.isNaN(new Date(at).getTime()), `${run.id} is at ${at}`);
        }
        assert.ok(run.attempt >= 0 && run.name.length <= 128 && run.namespace.length <= 63);
      }
      cursor = page.next;
    } while (cursor !== undefined);
  }

  it('answers mutated messages with an acknowledgement, an error or a status', async () => {
    const corpus = Array.from({ length: 8 }, (_, i) => ReportRequest.encode(batch(i + 1, `spool-${i}`)).finish());
    let acknowledged = 0;
    await fuzz(300, new Mutator(corpus, { most: 200_000 }), async message => {
      const ending = await send(message);
      if ('acknowledged' in ending && ending.error === '') acknowledged++;
    });
    assert.ok(acknowledged > 0, 'none was right: the mutations are too wild to say anything');
    await serves();
    await readable();
  });

  it('takes valid messages with wild fields, in any order, and stores none that cannot be read', async () => {
    const random = new Random(seed);
    const wild = [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 53 - 1, -1, 8.64e15, 8.64e15 + 1, -8.64e15];
    const texts = ['', '\0', 'a\0b', '/', '../..', '😀', 'a'.repeat(70_000), '__proto__', 'Succeeded', 'tick'];
    const twist = (value: unknown): unknown => {
      if (Array.isArray(value)) return random.below(6) === 0 ? [...value, ...value].reverse() : value.map(twist);
      if (typeof value === 'object' && value !== null) {
        return Object.fromEntries(
          Object.entries(value).map(([key, part]) => [key, key === '$case' ? part : twist(part)]),
        );
      }
      if (random.below(12) !== 0) return value;
      if (typeof value === 'number') return random.pick(wild);
      return typeof value === 'string' ? random.pick(texts) : value;
    };
    for (let i = 0; i < runs(150); i++) {
      const some = Array.from({ length: 1 + random.below(3) }, (_, at) => {
        try {
          return ReportRequest.encode(twist(batch(at + 1)) as ReportRequest).finish();
        } catch {
          // Beyond what the wire can hold.
          return new Uint8Array();
        }
      });
      await send(...some).catch((error: Error) => {
        throw new Error(`CRONMESH_FUZZ_SEED=${seed}, input ${i}`, { cause: error });
      });
    }
    await serves();
    await readable();
  });

  it('refuses what is too large, and goes on', async () => {
    const good = batch();
    const [report] = good.reports;
    assert.ok(report);
    const large = ReportRequest.encode({ ...good, reports: Array.from({ length: 70_000 }, () => report) }).finish();
    assert.ok(large.length > 4 * 1024 * 1024);
    assert.deepEqual(await send(large), { status: 8 });
    const many = ReportRequest.encode({
      ...good,
      reports: Array.from({ length: 10_001 }, () => ({ ...report, reference: undefined })),
    }).finish();
    assert.match(((await send(many)) as ReportResponse).error, /reports: must be at most 10000, got 10001/);
    for (const [field, value] of [
      ['worker', 'a'.repeat(129)],
      ['worker', 'a\0'],
      ['spool', 'a'.repeat(129)],
      ['spool', ''],
    ]) {
      const wrong = ReportRequest.encode({ ...good, [String(field)]: value }).finish();
      assert.match(((await send(wrong)) as ReportResponse).error, new RegExp(`^${field}: must be a `));
    }
    await serves();
  });

  it('outlives thousands of streams that are opened and dropped', async () => {
    const half = ReportRequest.encode(batch()).finish();
    // Of connections of their own: HTTP/2 closes one that resets streams too fast, and the others must not notice.
    const wave = async (): Promise<void> => {
      const flood = connect();
      for (let i = 0; i < runs(1_000); i += 100) {
        const streams = Array.from({ length: 100 }, () => open(flood));
        for (const [j, stream] of streams.entries()) if (j % 2 === 0) stream.write(Buffer.from(half.subarray(0, j)));
        await new Promise(resolve => setTimeout(resolve, 5));
        for (const stream of streams) stream.cancel();
      }
      flood.close();
      await serves();
    };
    await wave();
    const memory = (): number => {
      global.gc?.();
      return process.memoryUsage().heapUsed;
    };
    const before = memory();
    await wave();
    const grown = memory() - before;
    assert.ok(grown < 48 * 1024 * 1024, `the heap grew by ${Math.round(grown / 1024 / 1024)} MiB`);
  });
});
