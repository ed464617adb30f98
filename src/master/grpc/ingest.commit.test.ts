import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gate, RecordingStore, someBatch, someReports } from '../../../test/support/reports.ts';
import type { Report } from '../../domain/run/report.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import { silentLogger } from '../../observability/logger.ts';
import { openPgliteStore } from '../../store/prisma/pglite.ts';
import { ReportIngest } from './ingest.ts';

function setUp(options = {}) {
  const store = new RecordingStore();
  return { store, ingest: new ReportIngest({ store, logger: silentLogger, ...options }) };
}

describe('ReportIngest', () => {
  it('puts what came during one transaction into the next, in order', async () => {
    const { store, ingest } = setUp();
    const begun = gate();
    const first = gate();
    store.before = () => {
      begun.open();
      return first.opened;
    };
    const all = [ingest.ingest(someBatch(1, 10))];
    await begun.opened;
    all.push(...[11, 21, 31].map(number => ingest.ingest(someBatch(number, 10))));
    first.open();
    await Promise.all(all);
    assert.deepEqual(
      store.applied.map(one => one.reports.length),
      [10, 30],
    );
    assert.deepEqual(
      store.numbers(),
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  });

  it('keeps transactions at their size', async () => {
    const { store, ingest } = setUp({ transactionReports: 25 });
    await Promise.all([1, 11, 21, 31, 41].map(number => ingest.ingest(someBatch(number, number === 41 ? 60 : 10))));
    assert.deepEqual(
      store.applied.map(one => one.reports.length),
      [20, 20, 60],
    );
  });

  it('keeps the order of a spool that two processes wrote, and the names of both', async () => {
    const { store, ingest } = setUp();
    const spool = 'of a worker that was started again';
    await Promise.all(
      [someBatch(1, 2, 'before'), someBatch(3, 2, 'before'), someBatch(5, 2, 'after')].map(batch =>
        ingest.ingest({ ...batch, spool }),
      ),
    );
    assert.deepEqual(
      store.applied.map(one => [one.worker, one.reports.length]),
      [
        ['before', 4],
        ['after', 2],
      ],
    );
    assert.deepEqual(store.numbers(), [1, 2, 3, 4, 5, 6]);
  });

  it('lets workers pass one another, but not more at once than allowed', async () => {
    const { store, ingest } = setUp({ concurrency: 2 });
    const hold = gate();
    let underWay = 0;
    let most = 0;
    store.before = async worker => {
      most = Math.max(most, ++underWay);
      if (worker === 'slow') await hold.opened;
      underWay--;
    };
    const slow = ingest.ingest(someBatch(1, 1, 'slow'));
    await Promise.all([2, 3, 4].map(number => ingest.ingest(someBatch(number, 1, `worker-${number}`))));
    assert.deepEqual(store.numbers('slow'), []);
    hold.open();
    await slow;
    assert.equal(most, 2);
  });

  it('refuses what is behind a batch that failed, and works again afterwards', async () => {
    const { store, ingest } = setUp();
    const failing = gate();
    store.before = async () => {
      await failing.opened;
      throw new Error('the database is away');
    };
    const results = Promise.allSettled([1, 11].map(number => ingest.ingest(someBatch(number, 10))));
    failing.open();
    for (const result of await results) assert.equal(result.status, 'rejected');
    assert.deepEqual(store.applied, []);
    store.before = () => {};
    await ingest.ingest(someBatch(1, 10));
    assert.equal(store.numbers().length, 10);
  });

  it('drops the one report that the database can never take, and keeps the order of the others', async () => {
    const dropped: Report[] = [];
    const { store, ingest } = setUp({ onDropped: (report: Report) => dropped.push(report) });
    store.before = (_, reports) => {
      if (!reports.some(report => report.at === 7)) return;
      throw Object.assign(new Error('raw query failed'), { cause: { originalCode: '22021' } });
    };
    await ingest.ingest(someBatch(1, 20));
    assert.deepEqual(
      dropped.map(report => report.at),
      [7],
    );
    assert.deepEqual(
      store.numbers(),
      someReports(1, 20)
        .map(report => report.at)
        .filter(number => number !== 7),
    );
  });

  it('knows such a report by what a real database says', async t => {
    const store = await openPgliteStore();
    t.after(() => store.close());
    await store.migrate();
    const dropped: Report[] = [];
    const onDropped = (report: Report) => dropped.push(report);
    const ingest = new ReportIngest({ store, logger: silentLogger, onDropped });
    const batch = someBatch(1, 20);
    const reports = batch.reports.map(report => (report.at === 7 ? { ...report, attempt: 2 ** 40 } : report));
    await ingest.ingest({ ...batch, reports });
    assert.deepEqual(
      dropped.map(report => report.at),
      [7],
    );
    assert.equal((await store.listRuns({ limit: 100 })).items.length, 19);
  });

  it('never drops a report because the disk is full or the connection is gone', async () => {
    for (const code of ['53100', '08006', 'ECONNREFUSED', '40001']) {
      const { store, ingest } = setUp();
      store.before = () => {
        throw Object.assign(new Error(code), { code });
      };
      await assert.rejects(ingest.ingest(someBatch(1, 3)), { message: code });
    }
  });

  it('replaces what a database’s text cannot hold', async () => {
    const { store, ingest } = setUp();
    const text = 'a\0b\uD800c';
    const [report] = someReports(1, 1);
    assert.ok(report?.type === 'finished');
    const { outcome: _, ...reference } = report;
    const output: Report = { ...reference, type: 'output', sequence: 0, stream: 'stdout', text };
    await ingest.ingest({ ...someBatch(1, 0), reports: [output, { ...report, message: text }] });
    const [first, second] = store.applied[0]?.reports ?? [];
    assert.ok(first?.type === 'output' && second?.type === 'finished');
    assert.deepEqual([first.text, second.message], ['a\uFFFDb\uFFFDc', 'a\uFFFDb\uFFFDc']);
  });

  it('tells its listeners after the commit, and survives those that throw', async () => {
    const { store, ingest } = setUp();
    const told: [WorkerId, number][] = [];
    ingest.onReports(() => {
      throw new Error('a listener’s mistake');
    });
    const end = ingest.onReports((worker, reports) => {
      assert.equal(store.applied.length, 1);
      told.push([worker, reports.length]);
    });
    await ingest.ingest(someBatch(1, 3));
    end();
    await ingest.ingest(someBatch(4, 3));
    assert.deepEqual(told, [['worker-1', 3]]);
  });
});
