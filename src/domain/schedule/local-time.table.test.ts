import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatInstant } from '../time.ts';
import { formatLocal, readTime } from './local-time.ts';

const now = Date.parse('2026-11-24T12:00:00Z');

describe('times as people say them', () => {
  const table: [text: string, zone: string, at: string, width: number][] = [
    ['2026-11-24T03:00:00Z', 'Asia/Tokyo', '2026-11-24T03:00:00Z', 1_000],
    ['2026-11-24T03:00:00.5+01:00', 'UTC', '2026-11-24T02:00:00.500Z', 1],
    ['03:00', 'UTC', '2026-11-24T03:00:00Z', 60_000],
    ['12:00', 'UTC', '2026-11-24T12:00:00Z', 60_000],
    ['12:01', 'UTC', '2026-11-23T12:01:00Z', 60_000],
    ['03:00:30', 'UTC', '2026-11-24T03:00:30Z', 1_000],
    // There it is the 25th already, and here still the 24th.
    ['03:00', 'Pacific/Kiritimati', '2026-11-23T13:00:00Z', 60_000],
    ['01:30', 'Pacific/Kiritimati', '2026-11-24T11:30:00Z', 60_000],
    ['22:00', 'Pacific/Pago_Pago', '2026-11-24T09:00:00Z', 60_000],
    ['2026-11-24 03:00', 'Asia/Kathmandu', '2026-11-23T21:15:00Z', 60_000],
    ['2024-02-29 00:00', 'Europe/Berlin', '2024-02-28T23:00:00Z', 60_000],
    ['2026-11-24t03:00', 'Europe/Berlin', '2026-11-24T02:00:00Z', 60_000],
    // The clock was put forward, by half an hour on Lord Howe; a day that Samoa left out; the clock was put back.
    ['2026-03-29 02:00', 'Europe/Berlin', '2026-03-29T01:00:00Z', 60_000],
    ['2026-03-29 02:59', 'Europe/Berlin', '2026-03-29T01:00:00Z', 60_000],
    ['2026-10-04 02:15', 'Australia/Lord_Howe', '2026-10-03T15:30:00Z', 60_000],
    ['2011-12-30 12:00', 'Pacific/Apia', '2011-12-30T10:00:00Z', 60_000],
    ['2026-10-25 02:30', 'Europe/Berlin', '2026-10-25T00:30:00Z', 60_000],
  ];
  for (const [text, zone, at, width] of table) {
    it(`${text} in ${zone} is ${at}`, () => {
      const { note: _, ...meant } = readTime(text, zone, now) ?? {};
      assert.deepEqual(meant, { at: Date.parse(at), width });
    });
  }

  it('says what the clock did to a time, and nothing where it did nothing', () => {
    const note = (text: string) => readTime(text, 'Europe/Berlin', now)?.note;
    assert.equal(note('2026-03-29 01:59'), undefined);
    assert.match(note('2026-03-29 02:00') ?? '', /^2026-03-29 02:00 did not exist in Europe\/Berlin/);
    assert.equal(note('2026-03-29 03:00'), undefined);
    assert.match(note('2026-10-25 02:00') ?? '', /came twice .* the second was 2026-10-25T01:00:00Z$/);
    assert.equal(note('2026-10-25 03:00'), undefined);
  });

  it('shows what the wall clock showed', () => {
    for (const [text, zone] of table) {
      const at = readTime(text, zone, now)?.at ?? 0;
      const again = readTime(formatLocal(at, zone), zone, now)?.at ?? 0;
      assert.ok(Math.abs(again - at) < 1_000, `${formatInstant(at)} in ${zone}`);
    }
    assert.equal(formatLocal(Date.parse('2026-11-24T02:00:00Z'), 'Europe/Berlin'), '2026-11-24 03:00');
    assert.equal(formatLocal(Date.parse('2026-11-24T02:00:05Z'), 'Europe/Berlin'), '2026-11-24 03:00:05');
  });
});
