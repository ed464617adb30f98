import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { extentProblem, maxDepth, maxExtent } from './extent.ts';
import { validateManifest } from './validate.ts';

const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

/** Seven levels of fourteen aliases: 10^8 values in a text of one line. */
function laughs(): unknown {
  let value: unknown = 'lol';
  for (let level = 0; level < 7; level++) value = Array.from({ length: 14 }, () => value);
  return value;
}

const pod = (more: unknown) => ({
  metadata: { name: 'a' },
  spec: {
    schedule: '@daily',
    executor: { kubernetes: { template: { more, spec: { containers: [{ name: 'a', image: 'b' }] } } } },
  },
});

describe('extentProblem', () => {
  it('allows 64 levels, and no more', () => {
    assert.equal(extentProblem(nested(maxDepth)), undefined);
    assert.equal(extentProblem(nested(maxDepth + 1)), 'is nested more than 64 levels deep');
    assert.equal(extentProblem(nested(500_000)), 'is nested more than 64 levels deep');
  });

  it('counts texts, names and values, once for each time that they are there', () => {
    assert.equal(extentProblem('a'.repeat(maxExtent - 1)), undefined);
    assert.match(extentProblem('a'.repeat(maxExtent)) ?? '', /comes to more than 2097152 values and characters/);
    assert.match(extentProblem({ ['a'.repeat(maxExtent)]: 1 }) ?? '', /comes to more/);
  });

  it('is quick whatever aliases make of a document, and ends on a cycle', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const began = performance.now();
    assert.match(extentProblem(laughs()) ?? '', /aliases followed/);
    assert.match(extentProblem(cycle) ?? '', /nested/);
    assert.ok(performance.now() - began < 2_000);
  });

  it('is what a manifest is looked at for first', () => {
    for (const more of [nested(70), nested(100_000), laughs()]) {
      assert.throws(() => validateManifest(pod(more)), {
        code: 'InvalidInput',
        message: /^\(document\) (is nested|comes to)/,
      });
    }
    assert.equal(validateManifest(pod(nested(50))).metadata.name, 'a');
  });
});
