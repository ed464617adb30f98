import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shellExecutor } from '../job/spec/executors.ts';
import { shellCommand } from './command.ts';

test('arguments of a run go where each form of a command has them', () => {
  const of = (spec: object, ...added: string[]) => shellCommand(shellExecutor.parse(spec), added, '/tmp/script');
  assert.deepEqual(of({ command: 'x "$1"' }, 'a'), ['/bin/sh', '-c', 'x "$1"', 'sh', 'a']);
  assert.deepEqual(of({ command: 'x' }), ['/bin/sh', '-c', 'x']);
  assert.deepEqual(of({ command: ['x', 'own'] }, 'a b', ''), ['x', 'own', 'a b', '']);
  assert.deepEqual(of({ script: 'x' }, 'a'), ['/bin/sh', '/tmp/script', 'a']);
  assert.deepEqual(of({ script: 'x' }), ['/bin/sh', '/tmp/script']);
});

test('only shells take a word for their own name', () => {
  const of = (interpreter: string) => shellCommand({ command: 'x', interpreter }, ['a']).slice(3);
  for (const shell of ['/bin/sh', 'bash', '/usr/bin/zsh', '/bin/dash', 'ksh']) assert.deepEqual(of(shell), ['sh', 'a']);
  for (const other of ['/usr/bin/python3', '/usr/bin/fish', 'node']) assert.deepEqual(of(other), ['a']);
});
