import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Work } from '../plan/plan.ts';
import { executorOf, locksFolder, type Place } from './manifest.ts';
import { Truth } from './truth.ts';
import { Watcher } from './watcher.ts';

const base = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
const work: Work = {
  kind: 'shell',
  least: 100,
  most: 100,
  exit: 3,
  lines: 3,
  slots: 1,
  child: false,
  linger: 0,
  text: 'words',
};

async function scene(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-truth-'));
  mkdirSync(locksFolder(folder));
  const place: Place = { folder, base, receiver: 'http://127.0.0.1:1' };
  const truth = new Truth(folder);
  const watcher = new Watcher(truth, folder);
  await watcher.start();
  t.after(async () => {
    await watcher.stop();
    truth.close();
    rmSync(folder, { recursive: true });
  });
  const start = (run: string, what: Work) => {
    const { shell } = executorOf('a/b', what, place);
    const env = {
      PATH: process.env.PATH,
      CRONMESH_RUN: run,
      CRONMESH_ATTEMPT: '1',
      CRONMESH_TICK: '2026-11-24T10:00:00Z',
      CRONMESH_FENCING_TOKEN: '77',
    };
    return spawn('/bin/sh', ['-c', shell?.command ?? ''], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  };
  const started = async (count: number) => {
    while (truth.starts.length < count) await sleep(20);
  };
  return { truth, start, started };
}

test('a run tells when it began and ended, on which worker, and what it printed', { timeout: 20_000 }, async t => {
  const { truth, start, started } = await scene(t);
  const before = Date.now();
  const child = start('r1', work);
  let out = '';
  child.stdout.on('data', chunk => {
    out += chunk;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 3);
  await started(1);
  const [told] = truth.starts;
  assert.equal(told?.overlapped, undefined);
  const { at = 0, end = 0, ...rest } = told ?? {};
  assert.ok(at >= before - 2 && at <= Date.now(), `${at} is not between ${before} and now`);
  assert.ok(end - at >= 100);
  const printed = ['line 1 of r1 attempt 1 words', 'line 2 of r1 attempt 1 words', 'line 3 of r1 attempt 1 words'];
  assert.deepEqual(out.trim().split('\n'), printed);
  assert.deepEqual(rest, {
    namespace: 'a',
    name: 'b',
    kind: 'shell',
    run: 'r1',
    attempt: 1,
    tick: Date.parse('2026-11-24T10:00:00Z'),
    worker: hostname(),
    token: '77',
    printed,
    exit: 3,
  });
});

test('a second run beside it is told as an overlap, one after it is not', { timeout: 20_000 }, async t => {
  const { truth, start, started } = await scene(t);
  const one = start('r1', { ...work, least: 1_500, most: 1_500 });
  await started(1);
  await once(start('r2', work), 'close');
  await once(one, 'close');
  await once(start('r3', work), 'close');
  await started(3);
  assert.deepEqual(
    truth.starts.map(told => [told.run, told.overlapped]),
    [
      ['r1', undefined],
      ['r2', true],
      ['r3', undefined],
    ],
  );
});

const victim = `victim-${process.pid}`;

test('a run that is killed is gone when its children are, which hold its lock', { timeout: 20_000 }, async t => {
  const { truth, start, started } = await scene(t);
  const child = start(victim, { ...work, child: true, least: 60_000, most: 60_000 });
  await started(1);
  while (truth.starts[0]?.printed.length !== 2) await sleep(20);
  process.kill(child.pid ?? 0, 'SIGKILL');
  await sleep(500);
  assert.equal(truth.starts[0]?.gone, undefined);
  await once(start('r2', work), 'close');
  await started(2);
  assert.equal(truth.starts[1]?.overlapped, true, 'the child holds the lock of its job');
  const ended = Date.now();
  endChildren(victim);
  while (truth.starts[0]?.gone === undefined) await sleep(20);
  assert.ok(truth.starts[0].gone >= ended - 5 && truth.starts[0].gone < ended + 2_000);
});

/** Ends what is left of a dead run, found by the run in its environment. */
function endChildren(run: string): void {
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
      if (environment.includes(`CRONMESH_RUN=${run}\0`)) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // Gone meanwhile.
    }
  }
}
