import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '../src/domain/run/report.ts';
import type { WorkerId } from '../src/domain/run/run.ts';
import { ReportIngest } from '../src/master/grpc/ingest.ts';
import { GrpcServer } from '../src/master/grpc/server.ts';
import { silentLogger } from '../src/observability/logger.ts';
import { openPostgresStore } from '../src/store/prisma/postgres.ts';
import type { Store } from '../src/store/store.ts';
import { openFileSpool } from '../src/worker/reporting/file-spool.ts';
import { grpcTransport } from '../src/worker/reporting/grpc-transport.ts';
import { Reporter } from '../src/worker/reporting/reporter.ts';
import type { Spool } from '../src/worker/reporting/spool.ts';
import { claimed, finished, newUid, output, referenceOf, start, started } from '../test/conformance/store/fixtures.ts';
import { postgresSkip, startPostgres } from '../test/support/postgres.ts';
import type { Figure } from './figure.ts';

/**
 * Finished runs a second through the whole way (spool with fsync, gRPC, ingest, commit), against calls of
 * `store.applyReports` with the same reports in batches of the same size. Workers, master and bench share one process;
 * both sides take turns on one server.
 */

const workers = 3;
/** Of each worker in a round. */
const runs = 2_000;
/** Runs of a worker that are under way at once. */
const concurrency = 200;
const rounds = 3;
const batchReports = 500;

export async function benchReports(): Promise<Figure[]> {
  const skip = postgresSkip();
  if (skip) {
    process.stderr.write(`  not measured: ${skip}\n`);
    return [];
  }
  const server = await startPostgres();
  const store = await openPostgresStore({ url: server.url });
  const directory = await mkdtemp(join(tmpdir(), 'cronmesh-bench-'));
  try {
    await store.migrate();
    const pipeline = await startPipeline(store, directory);
    try {
      return [await compare(store, pipeline.round)];
    } finally {
      await pipeline.stop();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
    await store.close();
    await server.stop();
  }
}

async function compare(store: Store, throughPipeline: (runs: readonly Report[][][]) => Promise<void>): Promise<Figure> {
  const ours: number[] = [];
  const direct: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const our = await rate(throughPipeline);
    const their = await rate(all => straight(store, all));
    // The first round warms both up.
    if (round < 0) continue;
    ours.push(our);
    direct.push(their);
  }
  const [our, their] = [median(ours), median(direct)];
  return {
    name: 'finished runs through spool, gRPC and ingest into PostgreSQL',
    ratio: our / their,
    unit: '× store.applyReports',
    detail: `${Math.round(our)} runs/s (${Math.round(our * 4)} reports/s) against ${Math.round(their)} runs/s, ${workers} workers, fsync on`,
  };
}

/** Runs a second, all workers together. */
async function rate(apply: (runs: readonly Report[][][]) => Promise<void>): Promise<number> {
  const all = Array.from({ length: workers }, () => Array.from({ length: runs }, wholeRun));
  const begin = performance.now();
  await apply(all);
  return (workers * runs * 1_000) / (performance.now() - begin);
}

async function straight(store: Store, all: readonly Report[][][]): Promise<void> {
  await Promise.all(
    all.map(async (ofWorker, index) => {
      const reports = ofWorker.flat();
      for (let first = 0; first < reports.length; first += batchReports) {
        await store.applyReports(workerId(index), reports.slice(first, first + batchReports), start);
      }
    }),
  );
}

async function startPipeline(store: Store, directory: string) {
  const ingest = new ReportIngest({ store, logger: silentLogger });
  const server = new GrpcServer({
    host: '127.0.0.1',
    port: 0,
    ingest: batch => ingest.ingest(batch),
    logger: silentLogger,
  });
  await server.start();
  const ends = await Promise.all(
    Array.from({ length: workers }, async (_, index) => {
      const spool = await openFileSpool({ worker: workerId(index), directory: join(directory, String(index)) });
      const transport = grpcTransport({ target: `127.0.0.1:${server.port}` });
      const reporter = new Reporter({ worker: workerId(index), spool, transport, logger: silentLogger });
      await reporter.start();
      return { spool, transport, reporter };
    }),
  );
  return {
    round: async (all: readonly Report[][][]) => {
      await Promise.all(all.map((ofWorker, index) => append(ends[index]?.spool, ofWorker)));
      await Promise.all(ends.map(({ reporter }) => reporter.flush(60_000)));
    },
    stop: async () => {
      for (const { spool, transport, reporter } of ends) {
        await reporter.stop();
        await transport.close();
        await spool.close();
      }
      await server.stop();
    },
  };
}

/** Each fact of a run is appended when the one before it is durable, as a worker does. */
async function append(spool: Spool | undefined, ofWorker: readonly Report[][]): Promise<void> {
  const waiting = ofWorker.values();
  const runOneAfterAnother = async () => {
    for (const run of waiting) for (const report of run) await spool?.append([report]);
  };
  await Promise.all(Array.from({ length: concurrency }, runOneAfterAnother));
}

function wholeRun(): Report[] {
  const about = referenceOf({ jobUid: newUid(), name: 'bench' });
  return [claimed(about), started(about), output(about, 0, `${'done '.repeat(20)}\n`), finished(about)];
}

function workerId(index: number): WorkerId {
  return `worker-${index}-bench` as WorkerId;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
