import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { configSchema, type Role } from '../../src/config/schema.ts';
import { jobSpec } from '../../src/domain/job/spec.ts';
import { fieldsOf, type SchemaField } from '../support/schema-fields.ts';

const page = readFileSync(new URL('../../docs/defaults.md', import.meta.url), 'utf8');
const roles: readonly Role[] = ['standalone', 'master', 'worker', 'operator'];

/** Rows of the table under a heading: field, default, why. */
function rowsOf(heading: string): Map<string, { fallback: string; why: string }> {
  const section = page.split(/^## /m).find(part => part.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').flatMap(line => {
    const [, path, fallback, why] = /^\| `(.+?)` \| (.+?) \| (.*?) \|$/.exec(line) ?? [];
    return path === undefined ? [] : [[path, { fallback: fallback ?? '', why: why ?? '' }] as const];
  });
  return new Map(rows);
}

const shown = (fallback: string): string =>
  fallback === 'none' || fallback === 'needed' ? fallback : `\`${fallback.replaceAll('|', '\\|')}\``;

/** The default that most programs have, then those of the others. */
function settings(): SchemaField[] {
  const byRole = roles.map(role => new Map(fieldsOf(configSchema(role)).map(field => [field.path, field.fallback])));
  return [...(byRole[0]?.keys() ?? [])].map(path => {
    const values = byRole.map(fields => fields.get(path) ?? 'none');
    const usual = values.toSorted((a, b) => count(values, b) - count(values, a))[0] ?? 'none';
    const others = roles.flatMap((role, i) => (values[i] === usual ? [] : [`${role} ${shown(values[i] ?? '')}`]));
    return { path, fallback: [shown(usual), ...others].join('; ') };
  });
}

const count = (values: readonly string[], value: string): number => values.filter(one => one === value).length;

function compare(heading: string, fields: readonly SchemaField[]): void {
  const rows = rowsOf(heading);
  for (const { path, fallback } of fields) {
    it(path, () => {
      const row = rows.get(path);
      const wanted = `| \`${path}\` | ${fallback} | why |`;
      assert.ok(row, `docs/defaults.md, "${heading}", has no row for ${path}: add ${wanted}`);
      assert.equal(row.fallback, fallback, `docs/defaults.md: the default of ${path} is another: ${wanted}`);
      assert.ok(row.why.length >= 10, `docs/defaults.md does not say why ${path} has its default`);
    });
  }
  it('and nothing else', () => {
    const known = new Set(fields.map(({ path }) => path));
    const stale = [...rows.keys()].filter(path => !known.has(path));
    assert.deepEqual(stale, [], `docs/defaults.md, "${heading}", has rows of fields that there are not`);
  });
}

describe('docs/defaults.md has every field of a job’s spec with its default, and why:', () => {
  const opaque = ['executor.kubernetes.template'];
  compare(
    'The job',
    fieldsOf(jobSpec, opaque).map(({ path, fallback }) => ({ path, fallback: shown(fallback) })),
  );
});

describe('docs/defaults.md has every setting with its default, and why:', () => {
  compare('Settings', settings());
});
