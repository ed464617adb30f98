import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskingOf } from './masker.ts';

const random = (below: number): number => Math.floor(Math.random() * below);

function masked(values: readonly string[], chunks: readonly string[]): string {
  const masker = maskingOf(values)?.stream();
  if (!masker) return chunks.join('');
  return chunks.map(chunk => masker.take(chunk)).join('') + masker.end();
}

function split(text: string): string[] {
  const chunks: string[] = [];
  for (let at = 0; at < text.length; ) {
    const length = 1 + random(6);
    chunks.push(text.slice(at, at + length));
    at += length;
  }
  return chunks;
}

test('values are hidden wherever the output is cut, and the rest stays as it is', () => {
  for (let i = 0; i < 3_000; i++) {
    // Few letters: values overlap themselves, one another, and what is around them.
    const letter = () => 'ab\u{e9}'[random(3)] ?? '';
    const word = (length: number) => Array.from({ length }, letter).join('');
    const values = Array.from({ length: 1 + random(3) }, () => word(4 + random(5)));
    const text = Array.from({ length: random(12) }, () =>
      random(3) === 0 ? (values[random(values.length)] ?? '') : word(random(6)),
    ).join('-'.repeat(random(2)));
    const result = masked(values, split(text));
    for (const value of values) assert.ok(!result.includes(value), JSON.stringify({ values, text, result }));
    assert.equal(result, masked(values, [text]), JSON.stringify({ values, text }));
    if (!values.some(value => text.includes(value))) assert.equal(result, text);
  }
});

test('of each character it is known whether it belongs to a value', () => {
  for (let i = 0; i < 1_000; i++) {
    const letter = () => 'ab'[random(2)] ?? '';
    const word = (length: number) => Array.from({ length }, letter).join('');
    const [value, text] = [word(4 + random(2)), word(random(40))];
    const inside = new Set<number>();
    for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + 1)) {
      for (let k = at; k < at + value.length; k++) inside.add(k);
    }
    const outside = [...text].filter((_, k) => !inside.has(k)).join('');
    // The encodings of such words hold letters that are not in the text.
    assert.equal(masked([value], split(text)).replaceAll('***', ''), outside, JSON.stringify({ value, text }));
  }
});

test('a value of several lines is hidden line by line', () => {
  const key = '-----BEGIN KEY-----\nMIIEabcd\r\nQQ\n-----END KEY-----\n';
  assert.equal(masked([key], [key]), '***\n***\r\nQQ\n***\n');
  assert.equal(masked([key], ['> MIIEabcd <\n']), '> *** <\n');
});

test('base64, percent-encoded and JSON forms are hidden as well', () => {
  const value = 'p"ss wörd/1';
  const forms = [
    Buffer.from(value).toString('base64'),
    Buffer.from(value).toString('base64url'),
    encodeURIComponent(value),
    encodeURIComponent(value).replaceAll('%20', '+'),
    JSON.stringify(value).slice(1, -1),
  ];
  for (const form of forms) assert.match(masked([value], [`x ${form} y`]), /^x \*\*\*=* y$/, form);
});

test('values of less than four characters are left, and without others there is no mask', () => {
  assert.equal(maskingOf(['abc', '', '1\n2\n']), undefined);
  assert.equal(masked(['abcd', 'x'], ['x abcd x']), 'x *** x');
});

test('a value that repeats itself without end takes no memory, and goes on to be hidden', () => {
  const masker = maskingOf(['aaaa'])?.stream();
  let given = masker?.take('aaaa') ?? '';
  for (let i = 0; i < 10_000; i++) given += masker?.take('a');
  assert.equal(given + masker?.end(), '***');
});

test('what may begin a value waits for the next piece, and no longer', () => {
  const masker = maskingOf(['secret'])?.stream();
  assert.equal(masker?.take('the sec'), 'the ');
  assert.equal(masker?.take('ond'), 'second');
  assert.equal(masker?.take('sec'), '');
  assert.equal(masker?.end(), 'sec');
});
