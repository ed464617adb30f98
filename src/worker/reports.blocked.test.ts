import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { JobUid } from '../domain/job/job.ts';
import type { Report } from '../domain/run/report.ts';
import type { RunId } from '../domain/run/run.ts';
import { silentLogger } from '../observability/logger.ts';
import { Reports } from './reports.ts';

const reference = { run: 'abc-1' as RunId, attempt: 1, jobUid: 'abc' as JobUid, namespace: 'default', name: 'x' };
const report = (at: number): Report => ({ ...reference, trigger: 'tick', type: 'started', at });

test('reports that waited for a full disk, and those behind them, go at once when it takes them again', async () => {
  const kept: number[] = [];
  let full = true;
  const reports = new Reports(
    {
      append: async some => {
        if (full) throw new Error('the disk is full');
        kept.push(...some.map(one => ('at' in one ? one.at : 0)));
      },
    },
    silentLogger,
  );
  const numbers = Array.from({ length: 400 }, (_, i) => i);
  const all = Promise.all(numbers.map(number => reports.append([report(number)])));
  await turn();
  assert.match(reports.reason ?? '', /the disk is full/);
  full = false;
  // A pause before each of them would take 20 s.
  const late = delay(10_000, 'late', { ref: false });
  assert.notEqual(await Promise.race([all, late]), 'late');
  assert.deepEqual(kept, numbers);
  assert.equal(reports.reason, undefined);
  await reports.append([report(400)]);
  assert.equal(kept.at(-1), 400);
});
