import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { calendarSpec } from '../../src/domain/calendar/spec.ts';
import { CronmeshError } from '../../src/domain/errors.ts';
import { importCalendar } from '../../src/master/services/calendars/icalendar/import.ts';
import { cpuMs, fuzz, Mutator } from './support/mutate.ts';

const window = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2031, 0, 1) };
const corpus = globSync(new URL('../fixtures/icalendar/*.ics', import.meta.url).pathname).map(name =>
  readFileSync(name),
);
const tokens = [
  'RRULE:FREQ=SECONDLY;INTERVAL=1\r\n',
  'RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30\r\n',
  'BYSETPOS=-1;',
  'BYDAY=-5SU;',
  'BYYEARDAY=366;',
  'BYWEEKNO=53;',
  'INTERVAL=0;',
  'COUNT=999999999;',
  'UNTIL=99991231T235959Z;',
  'EXDATE;VALUE=DATE:20260101\r\n',
  'RDATE:20260101T000000Z/P9999W\r\n',
  'DURATION:-P1D\r\n',
  'RECURRENCE-ID;RANGE=THISANDFUTURE:20260101T000000Z\r\n',
  'BEGIN:VEVENT\r\n',
  'END:VEVENT\r\n',
  'TZID=Nowhere/Land:',
  'DTSTART:99999999\r\n',
];

async function judge(text: string): Promise<'good' | 'refused'> {
  const began = cpuMs();
  try {
    const spec = await importCalendar(text, window);
    assert.deepEqual(calendarSpec.parse(spec), spec);
    return 'good';
  } catch (error) {
    assert.ok(error instanceof CronmeshError, `threw ${(error as Error).stack}`);
    assert.equal(error.code, 'InvalidInput');
    assert.ok(error.message.length < 4_000);
    return 'refused';
  } finally {
    const ms = cpuMs() - began;
    // Ten seconds for all of it, and half a second for what is under way.
    assert.ok(ms < 12_000, `took ${ms} ms`);
  }
}

describe('fuzz: iCalendar files', () => {
  it('are calendars, or refused with a line, in time', async () => {
    let good = 0;
    await fuzz(300, new Mutator(corpus, { tokens }), async input => {
      if ((await judge(input.toString('utf8'))) === 'good') good++;
    });
    assert.ok(good > 0, 'none was right: the mutations are too wild to say anything');
  });

  it('with rules of any parts, too', async () => {
    const parts = [
      'FREQ=SECONDLY',
      'FREQ=MINUTELY',
      'FREQ=HOURLY',
      'FREQ=DAILY',
      'FREQ=WEEKLY',
      'FREQ=MONTHLY',
      'FREQ=YEARLY',
    ].map(
      freq =>
        `BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260131T120000Z\nRRULE:${freq};INTERVAL=7;BYMONTH=2;BYMONTHDAY=30,-1;BYDAY=MO,1TU;BYHOUR=5;BYSETPOS=-1\nEND:VEVENT\nEND:VCALENDAR\n`,
    );
    await fuzz(60, new Mutator(parts, { tokens }), async input => {
      await judge(input.toString('utf8'));
    });
  });
});
