import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import type { JobUid } from '../../domain/job/job.ts';
import type { Report, ReportBatch } from '../../domain/run/report.ts';
import type { RunId, WorkerId } from '../../domain/run/run.ts';
import { silentLogger } from '../../observability/logger.ts';
import { directTransport } from './direct-transport.ts';
import { openFileSpool } from './file-spool.ts';
import { Reporter } from './reporter.ts';
import type { ReportTransport } from './transport.ts';

const worker = 'worker-1' as WorkerId;

function reports(from: number, count: number): Report[] {
  return Array.from({ length: count }, (_, index) => ({
    type: 'started',
    run: `abc-${from + index}` as RunId,
    attempt: 1,
    jobUid: 'abc' as JobUid,
    namespace: 'default',
    name: 'x',
    trigger: 'tick',
    at: 1_000 + from + index,
  }));
}

/** Takes batches as an ingest would: by sequence, repeats ignored; a hole or a batch out of order is an error. */
class Receiver {
  readonly batches: ReportBatch[] = [];
  last = 0;
  reports = 0;
  take(batch: ReportBatch): void {
    this.batches.push(batch);
    assert.ok(batch.first <= this.last + 1, `a hole before ${batch.first}: ${this.last} was the last`);
    this.reports += batch.reports.length;
    this.last = Math.max(this.last, batch.first + batch.reports.length - 1);
  }
}

async function setUp(t: TestContext, transport: ReportTransport, options = {}) {
  const spool = await openFileSpool({ worker, directory: temporaryDirectory(t) });
  const reporter = new Reporter({ worker, spool, transport, logger: silentLogger, ...options });
  t.after(async () => {
    await reporter.stop();
    await spool.close();
  });
  return { spool, reporter };
}

describe('Reporter', () => {
  it('delivers everything in order and gives the space back', async t => {
    const receiver = new Receiver();
    const { spool, reporter } = await setUp(
      t,
      directTransport(async batch => receiver.take(batch)),
    );
    await reporter.start();
    for (let i = 0; i < 30; i++) await spool.append(reports(i * 50, 50));
    assert.equal(await reporter.flush(10_000), true);
    assert.equal(spool.depth, 0);
    assert.equal(receiver.reports, 1_500);
    assert.deepEqual(
      receiver.batches.flatMap(batch => batch.reports.map(report => report.at)),
      Array.from({ length: 1_500 }, (_, index) => 1_000 + index),
    );
  });

  it('keeps several batches under way, but no more than its window', async t => {
    const underWay = new Set<() => void>();
    let most = 0;
    const filled = Promise.withResolvers<void>();
    const { spool, reporter } = await setUp(
      t,
      directTransport(async () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        underWay.add(resolve);
        most = Math.max(most, underWay.size);
        if (underWay.size === 3) filled.resolve();
        await promise;
        underWay.delete(resolve);
      }),
      { window: 3, batchReports: 10 },
    );
    await spool.append(reports(0, 200));
    await reporter.start();
    await filled.promise;
    const done = reporter.flush(10_000);
    const release = setInterval(() => {
      for (const resolve of underWay) resolve();
    }, 1);
    assert.equal(await done, true);
    clearInterval(release);
    assert.equal(most, 3);
  });

  it('goes on at the first unacknowledged report after a failure in the middle of the window', async t => {
    const receiver = new Receiver();
    let calls = 0;
    const { spool, reporter } = await setUp(
      t,
      directTransport(async batch => {
        if (++calls === 3) throw new Error('the database went away');
        // What is sent behind a failed batch does not count, as on a stream that broke.
        if (calls > 3 && batch.first > receiver.last + 1) throw new Error('the stream is broken');
        receiver.take(batch);
      }),
      { batchReports: 10 },
    );
    await spool.append(reports(0, 300));
    await reporter.start();
    assert.equal(await reporter.flush(20_000), true);
    assert.equal(receiver.last, 300);
    assert.equal(spool.depth, 0);
  });

  it('never acknowledges a batch whose predecessor failed', async t => {
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    const retried = Promise.withResolvers<void>();
    let calls = 0;
    const { spool, reporter } = await setUp(
      t,
      directTransport(batch => {
        calls++;
        if (calls === 1) return first.promise;
        if (calls === 2) {
          setImmediate(() => first.reject(new Error('lost')));
          return second.promise;
        }
        if (calls === 3) assert.equal(batch.first, 1);
        retried.resolve();
        return Promise.resolve();
      }),
      { batchReports: 10, window: 2 },
    );
    await spool.append(reports(0, 20));
    second.resolve();
    await reporter.start();
    await retried.promise;
    assert.equal(await reporter.flush(10_000), true);
  });

  it('tells when flush did not get everything out, and stops with the rest in the spool', async t => {
    const failures: unknown[] = [];
    const { spool, reporter } = await setUp(
      t,
      directTransport(async () => {
        throw new Error('no master');
      }),
      { onRetry: (error: unknown) => failures.push(error) },
    );
    await spool.append(reports(0, 5));
    await reporter.start();
    assert.equal(await reporter.flush(30), false);
    await reporter.stop();
    await reporter.stop();
    assert.equal(spool.depth, 5);
    assert.match(String(failures[0]), /no master/);
  });

  it('may be stopped before it was started', async t => {
    const { reporter } = await setUp(
      t,
      directTransport(async () => {}),
    );
    await reporter.stop();
    await assert.rejects(reporter.start(), /cannot be started again/);
  });
});
