import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { floorAfter } from './floor.ts';
import { mergePatch } from './merge-patch.ts';
import { nearest } from './nearest.ts';
import { formatPath, valueAt } from './path.ts';
import { preview } from './preview.ts';
import type { JobSpec } from './spec.ts';
import { validateManifest } from './validate.ts';

describe('mergePatch', () => {
  // The examples of RFC 7396, appendix A.
  const cases: [target: unknown, patch: unknown, result: unknown][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, result] of cases) {
    it(`${JSON.stringify(target)} + ${JSON.stringify(patch)}`, () => {
      assert.deepEqual(mergePatch(target, patch), result);
    });
  }

  it('changes no prototype', () => {
    const merged = mergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}')) as { polluted?: boolean };
    assert.equal(merged.polluted, undefined);
    assert.ok(Object.hasOwn(merged, '__proto__'));
  });

  it('refuses what would overflow the stack', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`);
    assert.throws(() => mergePatch({}, deep), /more than 64 levels deep/);
  });
});

describe('nearest', () => {
  const fields = ['schedule', 'timeZone', 'suspend', 'executor'];
  it('finds slips of the finger and of case', () => {
    assert.equal(nearest('shedule', fields), 'schedule');
    assert.equal(nearest('timezone', fields), 'timeZone');
    assert.equal(nearest('supsend', fields), 'suspend');
  });
  it('guesses nothing far away', () => {
    assert.equal(nearest('image', fields), undefined);
    assert.equal(nearest('x'.repeat(100_000), fields), undefined);
  });
});

describe('preview', () => {
  it('is JSON, cut', () => {
    assert.equal(preview({ a: [1, 'x', null, true], b: {} }), '{"a":[1,"x",null,true],"b":{}}');
    const long = preview({ a: 'x'.repeat(1_000) });
    assert.equal(long.length, 200);
    assert.ok(long.endsWith('…'));
  });
  it('ends on what has no end', () => {
    const cycle: unknown[] = [1];
    cycle.push(cycle);
    assert.ok(preview(cycle).startsWith('[1,[1,[1,'));
  });
  it('shows what JSON cannot', () => assert.equal(preview(Number.POSITIVE_INFINITY), 'Infinity'));
});

describe('paths', () => {
  it('are written as people write them', () => {
    assert.equal(formatPath(['spec', 'a', 0, 'x-y', 'p/q', '1']), 'spec.a[0].x-y["p/q"]["1"]');
    assert.equal(formatPath([]), '(document)');
  });
  it('lead only through own fields', () => {
    assert.equal(valueAt({ a: [{ b: 1 }] }, ['a', 0, 'b']), 1);
    assert.equal(valueAt({}, ['constructor']), undefined);
  });
});

describe('floorAfter', () => {
  const { spec } = validateManifest({
    metadata: { name: 'a' },
    spec: { schedule: '@daily', executor: { shell: { command: 'date' } } },
  });
  const after = (change: Partial<JobSpec>, now = 2_000) =>
    floorAfter({ floor: 1_000, spec }, { ...spec, ...change }, now);

  it('is now where the ticks change', () => {
    assert.equal(after({ schedule: '@hourly' }), 2_000);
    assert.equal(after({ timeZone: 'Europe/Berlin' }), 2_000);
    assert.equal(after({ dstPolicy: 'Literal' }), 2_000);
    assert.equal(after({ suspend: true }), 2_000);
  });
  it('stays where they do not', () => {
    assert.equal(after({}), 1_000);
    assert.equal(after({ timeoutSeconds: 1, misfirePolicy: 'RunAll' }), 1_000);
  });
  it('never goes back with a clock', () => assert.equal(after({ schedule: '@hourly' }, 500), 1_000));
});
