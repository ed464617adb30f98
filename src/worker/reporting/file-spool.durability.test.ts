import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import type { JobUid } from '../../domain/job/job.ts';
import type { Report } from '../../domain/run/report.ts';
import type { RunId, WorkerId } from '../../domain/run/run.ts';
import { DirectoryInUseError } from './directory-lock.ts';
import { openFileSpool } from './file-spool.ts';
import type { Spool } from './spool.ts';

const never = new AbortController().signal;
const worker = 'worker-1' as WorkerId;

function report(number: number, text = ''): Report {
  const reference = { run: 'abc-1' as RunId, attempt: 1, jobUid: 'abc' as JobUid, namespace: 'default', name: 'x' };
  return { ...reference, trigger: 'tick', type: 'output', sequence: number, stream: 'stdout', at: 1, text };
}

/** Everything that is in the spool, as its reports' own numbers. */
async function contents(spool: Spool): Promise<number[]> {
  const numbers: number[] = [];
  let next = spool.firstUnacknowledged;
  const end = next + spool.depth;
  while (next < end) {
    const { first, reports } = await spool.read(next, 100, never);
    assert.equal(first, next);
    for (const one of reports) if (one.type === 'output') numbers.push(one.sequence);
    next = first + reports.length;
  }
  return numbers;
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);
const segments = (directory: string) =>
  readdirSync(directory)
    .filter(name => name.endsWith('.seg'))
    .sort()
    .map(name => join(directory, name));

describe('FileSpool on disk', () => {
  it('has everything again after it was closed, under the same id', async t => {
    const directory = temporaryDirectory(t);
    const before = await openFileSpool({ worker, directory, segmentBytes: 4_096 });
    await Promise.all(upTo(300).map(number => before.append([report(number, 'x'.repeat(number))])));
    await before.acknowledge(100);
    await before.close();
    const after = await openFileSpool({ worker, directory, segmentBytes: 4_096 });
    t.after(() => after.close());
    assert.equal(after.id, before.id);
    assert.equal(after.firstUnacknowledged, 101);
    assert.deepEqual(await contents(after), upTo(300).slice(100));
  });

  it('loses nothing that was appended when its process is killed', async t => {
    const directory = temporaryDirectory(t);
    for (const round of [1, 2]) {
      const child = fork(join(import.meta.dirname, '../../../test/support/spool-writer.ts'), [directory], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      let confirmed = -1;
      child.on('message', (number: number) => {
        confirmed = Math.max(confirmed, number);
        if (confirmed > 2_000 * round) child.kill('SIGKILL');
      });
      await once(child, 'exit');
      assert.equal(child.signalCode, 'SIGKILL');
      const spool = await openFileSpool({ worker, directory });
      const found = await contents(spool);
      await spool.close();
      assert.ok(confirmed > 0);
      assert.ok(found.length > confirmed, `${confirmed + 1} were confirmed, ${found.length} are there`);
      assert.deepEqual(found, upTo(found.length));
    }
  });

  it('cuts an unfinished write off at every length, and keeps what is before it', async t => {
    const directory = temporaryDirectory(t);
    const spool = await openFileSpool({ worker, directory });
    await spool.append([report(0), report(1), report(2)]);
    await spool.close();
    const path = segments(directory)[0] ?? assert.fail();
    const whole = readFileSync(path);
    const frame = whole.length / 3;
    for (let cut = 1; cut < frame; cut++) {
      writeFileSync(path, whole.subarray(0, whole.length - cut));
      const again = await openFileSpool({ worker, directory });
      assert.deepEqual(await contents(again), [0, 1], `${cut} bytes short`);
      await again.close();
      assert.equal(statSync(path).size, frame * 2);
    }
  });

  it('goes on behind a torn end, zeros included', async t => {
    const directory = temporaryDirectory(t);
    const first = await openFileSpool({ worker, directory });
    await first.append([report(0)]);
    await first.close();
    const path = segments(directory)[0] ?? assert.fail();
    appendFileSync(path, Buffer.alloc(500));
    const second = await openFileSpool({ worker, directory });
    await second.append([report(1)]);
    await second.close();
    const third = await openFileSpool({ worker, directory });
    t.after(() => third.close());
    assert.deepEqual(await contents(third), [0, 1]);
  });

  it('repeats reports rather than losing them when the acknowledged sequence is torn', async t => {
    const directory = temporaryDirectory(t);
    const before = await openFileSpool({ worker, directory });
    await before.append([report(0), report(1)]);
    await before.acknowledge(2);
    await before.close();
    truncateSync(join(directory, 'acknowledged'), 5);
    const after = await openFileSpool({ worker, directory });
    t.after(() => after.close());
    assert.deepEqual(await contents(after), [0, 1]);
  });

  it('goes on behind a segment that is damaged, and says what is lost', async t => {
    const directory = temporaryDirectory(t);
    const before = await openFileSpool({ worker, directory, segmentBytes: 1 });
    for (const number of upTo(3)) await before.append([report(number)]);
    await before.close();
    const damaged = segments(directory)[1] ?? assert.fail();
    const bytes = readFileSync(damaged);
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    writeFileSync(damaged, bytes);
    const after = await openFileSpool({ worker, directory });
    t.after(() => after.close());
    assert.equal((await after.read(1, 100, never)).reports.length, 1);
    const behind = await after.read(2, 100, never);
    assert.deepEqual([behind.first, behind.reports], [3, [report(2)]]);
  });

  it('delivers what a former process left in that process’s name', async t => {
    const directory = temporaryDirectory(t);
    const processes = ['one', 'two', 'three'].map(name => name as WorkerId);
    for (const [index, process] of processes.entries()) {
      const spool = await openFileSpool({ worker: process, directory });
      await spool.append([report(index * 2), report(index * 2 + 1)]);
      if (index === 0) await spool.acknowledge(1);
      await spool.close();
    }
    // One that wrote nothing leaves no trace.
    await (await openFileSpool({ worker: 'silent' as WorkerId, directory })).close();
    const spool = await openFileSpool({ worker, directory });
    t.after(() => spool.close());
    await spool.append([report(6)]);
    const seen: [number, number, string | undefined][] = [];
    for (let next = 0; next < 8; ) {
      const read = await spool.read(next, 100, never);
      seen.push([read.first, read.reports.length, read.worker]);
      next = read.first + read.reports.length;
    }
    assert.deepEqual(seen, [
      [2, 1, 'one'],
      [3, 2, 'two'],
      [5, 2, 'three'],
      [7, 1, 'worker-1'],
    ]);
    await spool.acknowledge(7);
  });

  it('belongs to one process at a time', async t => {
    const directory = temporaryDirectory(t);
    const spool = await openFileSpool({ worker, directory });
    await assert.rejects(openFileSpool({ worker, directory }), DirectoryInUseError);
    await spool.close();
    await (await openFileSpool({ worker, directory })).close();
  });
});
