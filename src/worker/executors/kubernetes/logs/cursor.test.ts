import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LogCursor, type Place } from './cursor.ts';

/** What a node gives: lines of a log file with times at or after a second. */
function from(log: readonly string[], sinceTime: string | undefined): Buffer {
  const since = sinceTime === undefined ? 0 : Date.parse(sinceTime);
  return Buffer.from(log.filter(line => Date.parse(line.slice(0, line.indexOf(' '))) >= since).join(''));
}

const text = (pieces: readonly Buffer[]): string => Buffer.concat(pieces).toString();

test('timestamps are taken away, wherever the stream is split', () => {
  const log = '2026-01-01T00:00:00.5Z one\n2026-01-01T00:00:01.25+02:00 \n2026-01-01T00:00:02.000000001Z two three\n';
  for (let split = 0; split <= log.length; split++) {
    const cursor = new LogCursor();
    cursor.begin();
    const bytes = Buffer.from(log);
    const pieces = [...cursor.take(bytes.subarray(0, split)), ...cursor.take(bytes.subarray(split))];
    assert.equal(text(pieces), 'one\n\ntwo three\n', `split at ${split}`);
  }
});

test('times with an offset are compared as times', () => {
  const cursor = new LogCursor();
  cursor.begin();
  cursor.take(Buffer.from('2026-01-01T02:00:05.1+02:00 a\n'));
  assert.equal(cursor.sinceTime, '2026-01-01T00:00:05.000Z');
});

test('after a rotation, what is new is new, though fewer lines come back than were read', () => {
  const cursor = new LogCursor();
  cursor.begin();
  cursor.take(Buffer.from('2026-01-01T00:00:05.1Z a\n2026-01-01T00:00:05.2Z b\n2026-01-01T00:00:05.3Z c\n'));
  cursor.begin();
  const pieces = cursor.take(
    Buffer.from('2026-01-01T00:00:05.3Z c\n2026-01-01T00:00:05.4Z d\n2026-01-01T00:00:06Z e\n'),
  );
  assert.equal(text(pieces), 'd\ne\n');
});

test('a container that ended in the middle of a line and was started again loses nothing of the next', () => {
  const cursor = new LogCursor();
  cursor.begin();
  cursor.take(Buffer.from('2026-01-01T00:00:05.1Z half'));
  cursor.begin();
  assert.equal(text(cursor.take(Buffer.from('2026-01-01T00:00:05.9Z whole\n'))), 'whole\n');
});

/** Times in order but for small steps back, many the same; texts of any length, empty too. */
const logs = fc
  .array(fc.tuple(fc.integer({ min: -1, max: 4 }), fc.string({ unit: fc.constantFrom('a', 'b', ' ', 'é') })), {
    minLength: 1,
    maxLength: 30,
  })
  .map(lines => {
    let now = Date.UTC(2026, 0, 1);
    return lines.map(([step, words]) => {
      // Back only inside of a second: what is late by more can come twice after a cut.
      now += step < 0 && now % 1_000 === 0 ? 0 : step * (step < 0 ? 1 : 200);
      return `${new Date(now).toISOString().replace('Z', '000001Z')} ${words}\n`;
    });
  });

test('however often the stream is cut, and whoever goes on, no line is lost and none comes twice', () => {
  fc.assert(
    fc.property(logs, fc.array(fc.tuple(fc.nat({ max: 400 }), fc.boolean()), { maxLength: 8 }), (log, cuts) => {
      let cursor = new LogCursor();
      let got = '';
      for (const [length, handedOver] of cuts) {
        if (handedOver) cursor = new LogCursor(JSON.parse(JSON.stringify(cursor.place)) as Place);
        const stream = from(log, cursor.sinceTime);
        cursor.begin();
        const bytes = stream.subarray(0, length);
        got = Buffer.concat([Buffer.from(got, 'latin1'), ...cursor.take(bytes)]).toString('latin1');
      }
      const rest = from(log, cursor.sinceTime);
      cursor.begin();
      got = Buffer.concat([Buffer.from(got, 'latin1'), ...cursor.take(rest)]).toString('latin1');
      const wanted = log.map(line => line.slice(line.indexOf(' ') + 1)).join('');
      assert.equal(Buffer.from(got, 'latin1').toString(), wanted);
    }),
    { numRuns: 2_000 },
  );
});
