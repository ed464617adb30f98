import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '../../src/observability/logger.ts';
import { Scenario } from './scenario.ts';

// More of it: CRONMESH_CHAOS_SEEDS=1,2,3 (or 100-200) names the seeds, CRONMESH_CHAOS_SECONDS how long things go wrong
// in each, in the cluster's own time.
const seeds = seedsOf(process.env.CRONMESH_CHAOS_SEEDS ?? '1-4');
const seconds = Number(process.env.CRONMESH_CHAOS_SECONDS ?? 60);

function seedsOf(text: string): number[] {
  return text.split(',').flatMap(part => {
    const [from = 1, to = from] = part.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

describe('a cluster in bad times', () => {
  let adopted = 0;
  let retried = 0;
  const skipped = new Set<string>();

  for (const seed of seeds) {
    it(`keeps its promises with seed ${seed}`, async () => {
      const verdict = await Scenario.run({ seed, logger: silentLogger, chaosFor: seconds * 1_000 });
      const { violations, deeds } = verdict;
      assert.deepEqual(violations.slice(0, 20), [], `what was done (ms, deed):\n${deeds.join('\n')}`);
      assert.ok(verdict.starts >= 50, `only ${verdict.starts} starts`);
      adopted += verdict.adopted;
      retried += verdict.retried;
      for (const reason of Object.keys(verdict.skips)) skipped.add(reason);
    });
  }

  it('has runs in pods that one worker took on from another, runs that were tried again, and skips of every policy', {
    skip: seeds.length < 4 && 'too few seeds',
  }, () => {
    assert.ok(adopted > 0, 'no run was adopted');
    assert.ok(retried > 0, 'no run was tried again');
    for (const reason of ['Replaced', 'QueueFull', 'StillRunning']) assert.ok(skipped.has(reason), `no ${reason}`);
  });
});
