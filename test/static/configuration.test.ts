import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Setting, settingsOf } from '../../src/config/settings.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(`${root}${file}`, 'utf8');

/** Cells of the table's rows, by the setting. */
function rowsOf(page: string): Map<string, readonly string[]> {
  const rows = page.split('\n').flatMap(line => {
    const cells = line.split(/(?<!\\)\|/).map(cell => cell.trim());
    const [, path] = /^`([\w.]+)`$/.exec(cells[1] ?? '') ?? [];
    return path === undefined ? [] : [[path, cells.slice(1, -1)] as const];
  });
  return new Map(rows);
}

describe('docs/configuration.md', () => {
  const rows = rowsOf(read('docs/configuration.md'));
  const defaults = rowsOf(read('docs/defaults.md').split(/^## Settings$/m)[1] ?? '');
  const settings: readonly Setting[] = settingsOf('master');

  for (const { path, environment, live } of settings) {
    it(`has ${path} as the schema has it`, () => {
      const cells = rows.get(path) ?? assert.fail(`no row for ${path}`);
      const wanted = [`\`${path}\``, `\`${environment}\``, defaults.get(path)?.[1], live ? 'live' : 'restart'];
      assert.deepEqual(cells.slice(0, 4), wanted);
      assert.ok((cells[4] ?? '').length > 5, `it does not say what ${path} does`);
    });
  }

  it('has nothing else', () => {
    const known = new Set(settings.map(one => one.path));
    assert.deepEqual(
      [...rows.keys()].filter(path => !known.has(path)),
      [],
    );
  });

  // A setting that is marked live and that nobody asks for anew would be said to act, and would not.
  it('calls live what some part of the programs follows', () => {
    const sources = globSync('src/main/*.ts', { cwd: root }).map(file => read(file));
    for (const { path } of settings.filter(one => one.live)) {
      const followed = sources.some(text => text.includes(`'${path}'`) || text.includes(`live.config.${path}`));
      assert.ok(followed, `${path} is live in the schema, and nothing in src/main subscribes to it`);
    }
  });
});
