import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { duplicateKey } from './duplicate-key.ts';

describe('duplicateKey', () => {
  it('tells where a field is named again', () => {
    assert.equal(duplicateKey('{"a":1,"a":2}'), 7);
    assert.equal(duplicateKey('{"a" : {"b":1, "b":2}}'), 15);
    assert.equal(duplicateKey('[{"x":[1,{"y":1}],"x":2}]'), 18);
    // The same key, spelt in another way.
    assert.equal(duplicateKey('{"a":1,"\\u0061":2}'), 7);
  });

  it('does not mind the same field in different objects, nor what looks like one', () => {
    for (const value of [
      { a: { a: 1 }, b: { a: 1 } },
      [{ a: 1 }, { a: 1 }],
      { a: '{"a":1,"a":2}', b: '"a":' },
      'a',
      5,
      null,
    ]) {
      assert.equal(duplicateKey(JSON.stringify(value)), undefined);
      assert.equal(duplicateKey(JSON.stringify(value, null, '\t')), undefined);
    }
  });

  it('reads a megabyte of text, and a hundred thousand brackets', () => {
    assert.equal(duplicateKey(JSON.stringify({ a: 'x"\\'.repeat(350_000) })), undefined);
    assert.equal(duplicateKey(`${'['.repeat(100_000)}${']'.repeat(100_000)}`), undefined);
  });
});
