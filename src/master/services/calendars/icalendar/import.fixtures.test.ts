import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type ImportOptions, importCalendar } from './import.ts';

const folder = new URL('../../../../../test/fixtures/icalendar/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const day = 86_400_000;
const dateOf = (instant: number): string => new Date(instant).toISOString().slice(0, 10);
const window: ImportOptions = { from: Date.UTC(2025, 10, 24), to: Date.UTC(2031, 10, 24) };
const event = (...lines: string[]): string =>
  ['BEGIN:VCALENDAR', 'BEGIN:VEVENT', 'UID:a', ...lines, 'END:VEVENT', 'END:VCALENDAR', ''].join('\r\n');

describe('import of an iCalendar file', () => {
  for (const name of ['meetings', 'holidays', 'zones', 'future']) {
    it(`takes the times that an independent implementation takes: ${name}`, async () => {
      const { dates, ranges } = await importCalendar(read(`${name}.ics`), window);
      const expected = JSON.parse(read(`${name}.expected.json`)) as Record<'days' | 'times', [string, string][]>;
      const days = [
        ...dates.map(date => [date, dateOf(Date.parse(date) + day)]),
        ...ranges.filter(({ from }) => from.length === 10).map(({ from, to }) => [from, dateOf(Date.parse(to) + day)]),
      ].toSorted((a, b) => ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1));
      assert.deepEqual(days, expected.days);
      assert.deepEqual(
        ranges.filter(({ from }) => from.length > 10).map(({ from, to }) => [from, to]),
        expected.times,
      );
      assert.ok(expected.days.length + expected.times.length >= 7);
    });
  }

  it('reads times without a zone in the zone that is given, or the file’s own', async () => {
    const floating = event(
      'DTSTART:20260701T090000',
      'DTEND:20260701T100000',
      'RRULE:FREQ=DAILY;UNTIL=20260702T070000Z',
    );
    const spec = await importCalendar(floating, { ...window, timeZone: 'Europe/Berlin' });
    assert.deepEqual(spec.ranges, [
      { from: '2026-07-01T07:00:00Z', to: '2026-07-01T08:00:00Z' },
      { from: '2026-07-02T07:00:00Z', to: '2026-07-02T08:00:00Z' },
    ]);
    assert.equal(spec.timeZone, 'Europe/Berlin');
    assert.equal((await importCalendar(floating, window)).ranges[0]?.from, '2026-07-01T09:00:00Z');
    assert.equal((await importCalendar(read('holidays.ics'), window)).timeZone, 'Europe/Berlin');
  });

  it('keeps what reaches into the window, and takes periods of RDATE by their start', async () => {
    const text = event('DTSTART:20260701T090000Z', 'DURATION:PT2H', 'RDATE;VALUE=PERIOD:20260703T100000Z/PT1H');
    const at = async (from: string, to: string) =>
      (await importCalendar(text, { from: Date.parse(from), to: Date.parse(to) })).ranges;
    assert.deepEqual(await at('2026-07-01T10:00:00Z', '2026-07-02T00:00:00Z'), [
      { from: '2026-07-01T09:00:00Z', to: '2026-07-01T11:00:00Z' },
    ]);
    assert.equal((await at('2026-07-01T00:00:00Z', '2026-08-01T00:00:00Z')).length, 2);
    await assert.rejects(at('2026-07-01T11:00:00Z', '2026-07-02T00:00:00Z'), /has no event between/);
  });

  for (const [what, text, message] of [
    ['an empty file', '', /line 1 must be BEGIN:VCALENDAR/],
    ['another file', '<html>\n', /line 1 is no property: "<html>"/],
    ['a vCard', 'BEGIN:VCARD\nEND:VCARD\n', /line 1 begins VCARD, and an iCalendar file begins with BEGIN:VCALENDAR/],
    ['a line that is none', event('DTSTART:20260701T090000Z', 'oops'), /line 5 is no property: "oops"/],
    [
      'a file that was cut off',
      event('DTSTART:20260701T090000Z').slice(0, -33),
      /line 2 begins VEVENT, which does not end/,
    ],
    [
      'crossed components',
      'BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n',
      /line 3 ends VCALENDAR, and VEVENT of line 2 is open/,
    ],
    [
      'text behind the end',
      `${event('DTSTART:20260701T090000Z')}SUMMARY:x\r\n`,
      /line 7 is outside of BEGIN:VCALENDAR/,
    ],
    ['no events', 'BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n', /line 1 begins a calendar without any VEVENT/],
    ['an event without a start', event('SUMMARY:x'), /line 2 begins a VEVENT without a DTSTART/],
    ['a start that is no time', event('DTSTART:tomorrow'), /line 2 begins a VEVENT .*(DTSTART|read)/],
    [
      'a month that there is not',
      event('DTSTART:20261301T090000Z', 'DURATION:PT1H'),
      /line 2 begins a VEVENT .*DTSTART/,
    ],
    [
      'a rule that is none',
      event('DTSTART:20260701T090000Z', 'RRULE:FREQ=SOMETIMES'),
      /line 5 cannot be read: .*SOMETIMES/,
    ],
    [
      'a zone that nobody knows',
      event('DTSTART;TZID=Mars/Phobos:20260701T090000'),
      /line 2 begins a VEVENT whose DTSTART is in TZID Mars\/Phobos, which the file does not define/,
    ],
    [
      'events without end',
      event('DTSTART:20260701T090000Z', 'DURATION:PT1S', 'RRULE:FREQ=SECONDLY'),
      /line 2 begins a VEVENT with which the file has more than 50000 occurrences/,
    ],
    [
      'more than a calendar holds',
      event('DTSTART:20260101T090000Z', 'DURATION:PT1S', 'RRULE:FREQ=HOURLY;COUNT=4000'),
      /more than a calendar can hold/,
    ],
  ] as const) {
    it(`names the line and what is wrong: ${what}`, async () => {
      await assert.rejects(importCalendar(text, window), { name: 'CronmeshError', code: 'InvalidInput', message });
    });
  }
});
