import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recorder, shellRequest } from '../../supervisor/testing/requests.ts';
import { createShellExecutor } from '../shell/index.ts';
import { ProgressLines } from './lines.ts';

function read(...pieces: string[]): (readonly [number, string | undefined])[] {
  const found: (readonly [number, string | undefined])[] = [];
  const lines = new ProgressLines((percent, message) => found.push([percent, message]));
  for (const piece of pieces) lines.take(piece);
  return found;
}

test('a line of its own tells the progress, in whatever pieces it comes', () => {
  assert.deepEqual(read('a\n::progress 42 of 100 files\n'), [[42, 'of 100 files']]);
  assert.deepEqual(read(...'::progress 1\r\n::progress 2.5% two\n'), [
    [1, undefined],
    [2.5, 'two'],
  ]);
  assert.deepEqual(read('[web] ::progress 7 of a container\n'), [[7, 'of a container']]);
});

test('other lines tell nothing', () => {
  const others = [
    '::progress\n',
    '::progress 101\n',
    '::progress -1\n',
    '::progress ten\n',
    'x ::progress 5\n',
    '::progress 5',
  ];
  for (const other of others) assert.deepEqual(read(other), [], other);
  assert.deepEqual(read('y'.repeat(5_000), '::progress 1\n', '::progress 2\n'), [[2, undefined]]);
});

test('a shell run tells it so, and the line stays in its output', async () => {
  const { hooks, steps, texts } = recorder();
  const request = shellRequest('echo "::progress 10 begun"; echo "::progress 20" >&2; printf "::progress 100\\n"');
  await createShellExecutor().execute(request, hooks).result;
  assert.deepEqual(steps, [[10, 'begun'], [100]]);
  assert.equal(texts.stdout, '::progress 10 begun\n::progress 100\n');
});
