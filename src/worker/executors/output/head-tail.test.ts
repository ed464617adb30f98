import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeadTail } from './head-tail.ts';

/** Cuts a buffer at random places. */
function pieces(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + Math.floor(Math.random() * Math.random() * 40);
    found.push(bytes.subarray(at, at + length));
    at += length;
  }
  return found;
}

function keep(limit: number, chunks: readonly Buffer[]) {
  const kept = new HeadTail(limit);
  const head = chunks.map(chunk => kept.take(chunk)).join('');
  return { head, ...kept.end() };
}

const letters = ['a', 'é', '€', '\u{1f600}', '\n', '\u001b[31m', '漢'];
const randomText = (length: number) =>
  Array.from({ length }, () => letters[Math.floor(Math.random() * letters.length)]).join('');

test('what fits is kept whole, however it is cut into pieces', () => {
  for (let i = 0; i < 500; i++) {
    const text = randomText(Math.floor(Math.random() * 60));
    const bytes = Buffer.from(text);
    const kept = keep(bytes.length + Math.floor(Math.random() * 3), pieces(bytes));
    assert.equal(kept.dropped, 0);
    assert.equal(kept.head + kept.text, text);
  }
});

test('of what does not fit the first and the last half stay, never a part of a character, and every byte is counted', () => {
  for (let i = 0; i < 2_000; i++) {
    const text = randomText(20 + Math.floor(Math.random() * 100));
    const bytes = Buffer.from(text);
    const limit = Math.floor(Math.random() * (bytes.length - 1));
    const { head, text: tail, dropped } = keep(limit, pieces(bytes));
    const [headBytes, tailBytes] = [Buffer.byteLength(head), Buffer.byteLength(tail)];
    assert.ok(text.startsWith(head) && text.endsWith(tail), JSON.stringify({ text, head, tail, limit }));
    assert.ok(!(head + tail).includes('\uFFFD'));
    assert.equal(headBytes + dropped + tailBytes, bytes.length);
    assert.ok(headBytes <= Math.ceil(limit / 2) && headBytes > Math.ceil(limit / 2) - 4);
    assert.ok(tailBytes <= Math.floor(limit / 2) && tailBytes > Math.floor(limit / 2) - 4);
  }
});

test('bytes that are no text become text, and NUL too, within and around the cut', () => {
  for (let i = 0; i < 500; i++) {
    const bytes = Buffer.from(Array.from({ length: 50 }, () => Math.floor(Math.random() * 256)));
    const whole = keep(bytes.length, pieces(bytes));
    assert.equal(whole.head + whole.text, bytes.toString().replaceAll('\0', '\uFFFD'));
    const { head, text } = keep(20, pieces(bytes));
    assert.ok((head + text).isWellFormed() && !(head + text).includes('\0'));
  }
});

test('a limit of nothing, and of one byte', () => {
  assert.deepEqual(keep(0, [Buffer.from('abc')]), { head: '', dropped: 3, text: '' });
  assert.deepEqual(keep(1, [Buffer.from('abc')]), { head: 'a', dropped: 2, text: '' });
  assert.deepEqual(keep(4, [Buffer.from('abcdefgh')]), { head: 'ab', dropped: 4, text: 'gh' });
});
