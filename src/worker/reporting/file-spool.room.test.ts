import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import type { JobUid } from '../../domain/job/job.ts';
import type { Report } from '../../domain/run/report.ts';
import type { RunId, WorkerId } from '../../domain/run/run.ts';
import { openFileSpool } from './file-spool.ts';
import { ReportTooLargeError, SpoolFullError } from './spool.ts';

const never = new AbortController().signal;
const worker = 'worker-1' as WorkerId;
const reference = {
  run: 'abc-1' as RunId,
  attempt: 1,
  jobUid: 'abc' as JobUid,
  namespace: 'default',
  name: 'x',
  trigger: 'tick',
} as const;
const output = (text: string): Report => ({ ...reference, type: 'output', sequence: 0, stream: 'stdout', at: 1, text });
const started = (at: number): Report => ({ ...reference, type: 'started', at });

describe('FileSpool and room', () => {
  it('refuses beyond its limit, keeps facts apart from output, and gives room back', async t => {
    const spool = await openFileSpool({ worker, directory: temporaryDirectory(t), maxBytes: 64 * 1024 });
    t.after(() => spool.close());
    let kept = 0;
    await assert.rejects(async () => {
      for (;;) {
        await spool.append([output('x'.repeat(1_000))]);
        kept++;
      }
    }, SpoolFullError);
    assert.ok(kept > 40, `${kept} KB of output fit into 64 kB`);
    assert.equal(spool.depth, kept);
    await spool.append([started(1)]);
    await assert.rejects(
      async () => {
        for (let at = 2; ; at++) await spool.append([started(at)]);
      },
      (error: unknown) => error instanceof SpoolFullError && error.limit === 'spool' && error.retryable,
    );
    await spool.acknowledge(kept);
    await spool.append([output('again')]);
    assert.deepEqual((await spool.read(kept + 1, 1, never)).reports, [started(1)]);
  });

  it('counts appends that are still waiting for the disk', async t => {
    const spool = await openFileSpool({ worker, directory: temporaryDirectory(t), maxBytes: 64 * 1024 });
    t.after(() => spool.close());
    const results = await Promise.allSettled(
      Array.from({ length: 100 }, () => spool.append([output('x'.repeat(1_000))])),
    );
    const kept = results.filter(result => result.status === 'fulfilled').length;
    assert.ok(kept > 40 && kept < 64, `${kept} were kept`);
    assert.equal(spool.depth, kept);
  });

  it('deletes segments as they are acknowledged', async t => {
    const directory = temporaryDirectory(t);
    const spool = await openFileSpool({ worker, directory, segmentBytes: 1_000 });
    t.after(() => spool.close());
    const files = () => readdirSync(directory).filter(name => name.endsWith('.seg')).length;
    for (let at = 1; at <= 100; at++) await spool.append([started(at)]);
    assert.ok(files() > 5);
    await spool.acknowledge(99);
    assert.equal(files(), 1);
    assert.equal(spool.depth, 1);
    await spool.acknowledge(1_000_000);
    assert.equal(spool.depth, 0);
    assert.equal(spool.firstUnacknowledged, 101);
  });

  it('refuses a report that fits into no message', async t => {
    const spool = await openFileSpool({ worker, directory: temporaryDirectory(t) });
    t.after(() => spool.close());
    await assert.rejects(spool.append([output('x'.repeat(2 ** 20))]), ReportTooLargeError);
    await spool.append([output('x'.repeat(2 ** 20 - 1_000))]);
    assert.equal(spool.depth, 1);
  });

  it('reads reports larger than what it reads at once, from the disk as from memory', async t => {
    const spool = await openFileSpool({ worker, directory: temporaryDirectory(t) });
    t.after(() => spool.close());
    for (let i = 0; i < 8; i++) await spool.append([output(String(i).repeat(900_000)), started(i)]);
    let next = 1;
    for (let i = 0; i < 8; ) {
      const { first, reports } = await spool.read(next, 1, never);
      assert.equal(first, next++);
      if (reports[0]?.type === 'output') assert.equal(reports[0].text[0], String(i));
      else assert.equal(reports[0]?.at, i++);
    }
  });

  it('waits for the first report, and can be called back', async t => {
    const spool = await openFileSpool({ worker, directory: temporaryDirectory(t) });
    t.after(() => spool.close());
    const abort = new AbortController();
    const called = assert.rejects(spool.read(1, 10, abort.signal), /enough/);
    abort.abort(new Error('enough'));
    await called;
    const waiting = spool.read(1, 10, never);
    await spool.append([started(7)]);
    assert.deepEqual(await waiting, { first: 1, reports: [started(7)], worker });
  });

  it('survives a full volume: nothing of the failed append is kept, and the next one works', async t => {
    const directory = temporaryDirectory(t);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', directory]);
    if (mounted.status !== 0) return t.skip('a small volume to fill needs the right to mount one');
    let spool: Awaited<ReturnType<typeof openFileSpool>> | undefined;
    try {
      spool = await openFileSpool({ worker, directory });
      await spool.append([started(1)]);
      writeFileSync(join(directory, 'ballast'), Buffer.alloc(200 * 1024));
      await assert.rejects(
        spool.append([started(2), output('x'.repeat(100_000))]),
        (error: unknown) => error instanceof SpoolFullError && error.limit === 'disk',
      );
      assert.equal(spool.depth, 1);
      unlinkSync(join(directory, 'ballast'));
      await spool.append([started(3)]);
      assert.deepEqual((await spool.read(1, 10, never)).reports, [started(1), started(3)]);
      await spool.close();
      spool = await openFileSpool({ worker, directory });
      assert.deepEqual((await spool.read(1, 10, never)).reports, [started(1), started(3)]);
    } finally {
      await spool?.close();
      spawnSync('umount', [directory]);
    }
  });
});
