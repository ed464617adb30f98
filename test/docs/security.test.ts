import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { links, tables, testsOf } from './tables.ts';

const page = new URL('../../docs/security.md', import.meta.url);

describe('docs/security.md', () => {
  const [settings = [], threats = [], ...others] = tables(readFileSync(page, 'utf8'));

  it('has two tables: settings and threats', () => {
    assert.equal(others.length, 0);
    assert.ok(settings.length >= 6 && threats.length >= 18, `${settings.length} and ${threats.length}`);
    for (const row of [...settings, ...threats]) assert.equal(row.length, 3, row.join(' | '));
  });

  for (const [threat = '', , tests = ''] of threats) {
    it(`shows by a test: ${threat}`, () => {
      const named = links(tests);
      assert.ok(named.length > 0, 'a link to a test is needed');
      for (const { name, file } of named) {
        const where = new URL(file, page);
        assert.ok(existsSync(where), `there is no file ${file}`);
        assert.ok(testsOf(where).has(name), `there is no test "${name}" in ${file}`);
      }
    });
  }
});
