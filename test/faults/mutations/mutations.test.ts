import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { replaced, root } from './apply.ts';
import { mutations } from './mutations.ts';

describe('the deliberate defects', () => {
  for (const { name, edits } of mutations) {
    it(`${name} still has its place in the sources`, () => {
      const texts = new Map<string, string>();
      for (const edit of edits) {
        const before = texts.get(edit.file) ?? readFileSync(join(root, edit.file), 'utf8');
        const after = replaced(before, edit);
        assert.notEqual(after, before);
        texts.set(edit.file, after);
      }
    });
  }

  it('have names of their own', () => {
    assert.equal(new Set(mutations.map(({ name }) => name)).size, mutations.length);
  });
});
