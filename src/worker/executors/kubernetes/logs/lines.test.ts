import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lines } from './lines.ts';
import { readPositions, writePositions } from './position.ts';

const lines = (rest: Partial<ConstructorParameters<typeof Lines>[0]> = {}) =>
  new Lines({ prefix: '', limit: 1_000, passed: 0, begun: false, ...rest });
const bytes = (text: string) => Buffer.from(text);

test('a line is passed on when it is complete, with its container’s name', () => {
  const one = lines({ prefix: '[web] ' });
  assert.equal(one.take(bytes('hel')), '');
  assert.equal(one.take(bytes('lo\n')), '[web] hello\n');
  assert.equal(one.take(bytes('rest')), '');
  assert.deepEqual(one.end('web'), { text: '[web] rest\n', note: undefined });
});

test('a long line goes on in pieces, and has one prefix', () => {
  const one = lines({ prefix: '[web] ', limit: 100_000 });
  assert.equal(one.take(bytes('a'.repeat(20_000))), `[web] ${'a'.repeat(20_000)}`);
  assert.equal(one.take(bytes('b\n')), 'b\n');
});

test('the limit counts what another worker has passed on, and the log says what was dropped', () => {
  const one = lines({ limit: 10, passed: 6, begun: true, prefix: '[web] ' });
  assert.equal(one.take(bytes('abcdef\n')), 'abcd');
  assert.equal(one.passed, 10);
  assert.deepEqual(one.end('web'), {
    text: '\n',
    note: 'container web: 3 bytes beyond the limit of 10 (outputLimitBytes) were dropped\n',
  });
});

test('positions come back as they were written, and anything else is none', () => {
  const positions = new Map([['pod/main', { until: '2026-01-01T00:00:00Z', lines: 2, begun: 3, passed: 40 }]]);
  assert.deepEqual(readPositions(writePositions(positions)), positions);
  assert.deepEqual(readPositions('{}'), new Map());
  for (const wrong of [undefined, '', 'null', '[1]', '{"a":{"until":1}}'])
    assert.equal(readPositions(wrong), undefined);
});
