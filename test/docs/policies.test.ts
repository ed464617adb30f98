import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { jobSpec } from '../../src/domain/job/spec.ts';
import { links, tables, testsOf } from './tables.ts';

const page = new URL('../../docs/policies.md', import.meta.url);
const text = readFileSync(page, 'utf8');

describe('docs/policies.md', () => {
  const [policies = [], pairs = [], ...others] = tables(text);
  const rows = [...policies, ...pairs];

  it('has two tables: policies, and pairs of them', () => {
    assert.equal(others.length, 0);
    assert.ok(policies.length >= 40 && pairs.length >= 20, `${policies.length} and ${pairs.length}`);
    for (const row of policies) assert.equal(row.length, 4, row.join(' | '));
    for (const row of pairs) assert.equal(row.length, 3, row.join(' | '));
    assert.deepEqual(
      rows.filter(row => row.includes('')),
      [],
    );
  });

  for (const row of rows) {
    it(`shows by a test: ${row[0]}`, () => {
      const named = links(row.at(-1) ?? '');
      assert.ok(named.length > 0, 'a link to a test is needed');
      for (const { name, file } of named) {
        const where = new URL(file, page);
        assert.ok(existsSync(where), `there is no file ${file}`);
        assert.ok(testsOf(where).has(name), `there is no test "${name}" in ${file}`);
      }
    });
  }

  it('names every field of a job, and every word of its policies', () => {
    const words = ['concurrencyPolicy', 'misfirePolicy', 'dstPolicy'] as const;
    const wanted = [
      ...Object.keys(jobSpec.shape),
      ...words.flatMap(field => enumOf(jobSpec.shape[field])),
      ...enumOf(jobSpec.shape.placement.unwrap().shape.mode),
    ];
    assert.deepEqual(
      wanted.filter(word => !new RegExp(`\`[^\`\n]*\\b${word}\\b[^\`\n]*\``).test(text)),
      [],
    );
  });
});

function enumOf(schema: z.ZodType): readonly string[] {
  const inner = schema instanceof z.ZodDefault ? schema.unwrap() : schema;
  assert.ok(inner instanceof z.ZodEnum);
  return inner.options.map(String);
}
