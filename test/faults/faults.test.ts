import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { check } from './checker/check.ts';
import { table } from './checker/table.ts';
import { runHarness } from './harness.ts';
import { labSkip } from './lab/open.ts';
import { nemesesOf } from './nemeses/index.ts';

/**
 * The short version of `npm run test:faults`: two fixed plans, each in a lab of its own, both in under six minutes. They
 * have something of every family but the slow ones (a rolling restart, long stops).
 */
const plans = [
  {
    seed: 3,
    nemeses: ['change-consul-leader', 'kill-publisher', 'kill-worker-in-herd', 'crash-postgres', 'cut-worker'],
  },
  {
    seed: 353,
    nemeses: ['wipe-consul', 'isolate-consul-leader', 'shift-worker-clock', 'fill-spool', 'kill-node'],
  },
];
const duration = 60_000;
const calm = 5_000;

describe('under faults', { skip: labSkip(), concurrency: plans.length }, () => {
  for (const { seed, nemeses } of plans) {
    test(`seed ${seed}: ${nemeses.join(', ')}: every promise is kept`, { timeout: 400_000 }, async t => {
      const folder = mkdtempSync(join(tmpdir(), `cronmesh-faults-${seed}-`));
      const say = (line: string) => t.diagnostic(line);
      const history = await runHarness({ seed, duration, calm, nemeses: nemesesOf(nemeses), folder, say });
      const verdict = check(history);
      await writeFile(join(folder, 'verdict.json'), `${JSON.stringify(verdict, null, 2)}\n`);
      const shown = table(history, verdict);
      t.diagnostic(shown);
      assert.deepEqual(
        nemeses.filter(name => !history.faults.some(({ nemesis }) => nemesis === name)),
        [],
        'the plan has all of them',
      );
      assert.deepEqual(verdict.violations, [], `the history is in ${folder}\n${shown}`);
      assert.ok(verdict.counts.starts > 500, 'there was something to judge');
      await rm(folder, { recursive: true });
    });
  }
});
