import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DstPolicy, nextRuns, previousRun } from './index.ts';

interface Case {
  readonly title: string;
  readonly zone: string;
  readonly expression: string;
  readonly from: string;
  readonly vixie: readonly string[];
  readonly literal: readonly string[];
}

const cases: readonly Case[] = [
  {
    title: 'a time in the gap',
    zone: 'Europe/Berlin',
    expression: '30 2 * * *',
    from: '2026-03-28T12:00:00Z',
    vixie: ['2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z'],
    literal: ['2026-03-30T00:30:00Z', '2026-03-31T00:30:00Z'],
  },
  {
    title: 'several times in the gap, and one at its end',
    zone: 'America/New_York',
    expression: '0,15,30 2,3 * * *',
    from: '2026-03-08T05:00:00Z',
    vixie: ['2026-03-08T07:00:00Z', '2026-03-08T07:15:00Z', '2026-03-08T07:30:00Z', '2026-03-09T06:00:00Z'],
    literal: ['2026-03-08T07:00:00Z', '2026-03-08T07:15:00Z', '2026-03-08T07:30:00Z', '2026-03-09T06:00:00Z'],
  },
  {
    title: 'a repeated time',
    zone: 'Europe/Berlin',
    expression: '30 2 * * *',
    from: '2026-10-24T12:00:00Z',
    vixie: ['2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'],
    literal: ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', '2026-10-26T01:30:00Z'],
  },
  {
    title: 'a repeated time, asked for between its two passes',
    zone: 'Europe/Berlin',
    expression: '30 2 * * *',
    from: '2026-10-25T00:45:00Z',
    vixie: ['2026-10-26T01:30:00Z'],
    literal: ['2026-10-25T01:30:00Z', '2026-10-26T01:30:00Z'],
  },
  {
    title: 'the last tick of all, repeated',
    zone: 'Europe/Berlin',
    expression: '0 30 2 25 10 ? 2026',
    from: '2026-10-25T00:30:00Z',
    vixie: [],
    literal: ['2026-10-25T01:30:00Z'],
  },
  {
    title: 'a minute that begins with a star follows real time through the repeat',
    zone: 'Europe/Berlin',
    expression: '*/30 2 * * *',
    from: '2026-10-24T12:00:00Z',
    vixie: ['2026-10-25T00:00:00Z', '2026-10-25T00:30:00Z', '2026-10-25T01:00:00Z', '2026-10-25T01:30:00Z'],
    literal: ['2026-10-25T00:00:00Z', '2026-10-25T00:30:00Z', '2026-10-25T01:00:00Z', '2026-10-25T01:30:00Z'],
  },
  {
    title: 'an hour that begins with a star follows real time through the gap',
    zone: 'Europe/Berlin',
    expression: '30 */2 * * *',
    from: '2026-03-28T23:00:00Z',
    vixie: ['2026-03-28T23:30:00Z', '2026-03-29T02:30:00Z'],
    literal: ['2026-03-28T23:30:00Z', '2026-03-29T02:30:00Z'],
  },
  {
    title: 'seconds that begin with a star do not make real time: minute and hour count',
    zone: 'Europe/Berlin',
    expression: '*/20 59 2 * * *',
    from: '2026-03-28T12:00:00Z',
    vixie: ['2026-03-29T01:00:00Z', '2026-03-30T00:59:00Z'],
    literal: ['2026-03-30T00:59:00Z', '2026-03-30T00:59:20Z'],
  },
  {
    title: 'a gap of 30 minutes',
    zone: 'Australia/Lord_Howe',
    expression: '15 2 * * *',
    from: '2026-10-03T00:00:00Z',
    vixie: ['2026-10-03T15:30:00Z', '2026-10-04T15:15:00Z'],
    literal: ['2026-10-04T15:15:00Z', '2026-10-05T15:15:00Z'],
  },
  {
    title: 'a repeat of 30 minutes',
    zone: 'Australia/Lord_Howe',
    expression: '45 1 * * *',
    from: '2026-04-04T00:00:00Z',
    vixie: ['2026-04-04T14:45:00Z', '2026-04-05T15:15:00Z'],
    literal: ['2026-04-04T14:45:00Z', '2026-04-04T15:15:00Z', '2026-04-05T15:15:00Z'],
  },
  {
    title: 'a gap that begins at midnight',
    zone: 'America/Sao_Paulo',
    expression: '0 0 4 11 *',
    from: '2018-06-01T00:00:00Z',
    vixie: ['2018-11-04T03:00:00Z', '2019-11-04T03:00:00Z'],
    literal: ['2019-11-04T03:00:00Z', '2020-11-04T03:00:00Z'],
  },
  {
    title: 'a gap that ends at midnight: the day before is the one that matches',
    zone: 'America/Nuuk',
    expression: '30 23 * * SAT',
    from: '2024-03-29T00:00:00Z',
    vixie: ['2024-03-31T01:00:00Z', '2024-04-07T00:30:00Z'],
    literal: ['2024-04-07T00:30:00Z', '2024-04-14T00:30:00Z'],
  },
  {
    title: 'a day that was skipped whole',
    zone: 'Pacific/Apia',
    expression: '0 12 * * *',
    from: '2011-12-29T00:00:00Z',
    vixie: ['2011-12-29T22:00:00Z', '2011-12-30T10:00:00Z', '2011-12-30T22:00:00Z'],
    literal: ['2011-12-29T22:00:00Z', '2011-12-30T22:00:00Z', '2011-12-31T22:00:00Z'],
  },
  {
    title: 'another, on Kwajalein',
    zone: 'Pacific/Kwajalein',
    expression: '0 6 21 8 *',
    from: '1993-01-01T00:00:00Z',
    vixie: ['1993-08-21T12:00:00Z', '1994-08-20T18:00:00Z'],
    literal: ['1994-08-20T18:00:00Z', '1995-08-20T18:00:00Z'],
  },
  {
    title: 'a gap after Ramadan',
    zone: 'Africa/Casablanca',
    expression: '30 2 * * *',
    from: '2026-03-21T12:00:00Z',
    vixie: ['2026-03-22T02:00:00Z', '2026-03-23T01:30:00Z'],
    literal: ['2026-03-23T01:30:00Z', '2026-03-24T01:30:00Z'],
  },
  {
    title: 'an offset with seconds, and a gap of 44 minutes and 30 seconds',
    zone: 'Africa/Monrovia',
    expression: '30 20 0 7 1 *',
    from: '1971-12-01T00:00:00Z',
    vixie: ['1972-01-07T00:44:30Z', '1973-01-07T00:20:30Z'],
    literal: ['1973-01-07T00:20:30Z', '1974-01-07T00:20:30Z'],
  },
  {
    title: 'a time that is in a gap whenever its day comes',
    zone: 'Europe/Berlin',
    expression: '30 2 * 3 SUNL',
    from: '2026-01-01T00:00:00Z',
    vixie: ['2026-03-29T01:00:00Z', '2027-03-28T01:00:00Z'],
    literal: [],
  },
  {
    title: 'no shifts at all',
    zone: 'Asia/Kolkata',
    expression: '30 2 * * *',
    from: '2026-03-28T12:00:00Z',
    vixie: ['2026-03-28T21:00:00Z', '2026-03-29T21:00:00Z'],
    literal: ['2026-03-28T21:00:00Z', '2026-03-29T21:00:00Z'],
  },
];

describe('where a zone shifts', () => {
  for (const { title, zone, expression, from, vixie, literal } of cases) {
    const check = (dstPolicy: DstPolicy, expected: readonly string[]): void => {
      const options = { timeZone: zone, from, dstPolicy };
      const runs = nextRuns(expression, { ...options, count: Math.max(1, expected.length) });
      assert.deepEqual(
        runs.map(run => run.toISOString().replace('.000Z', 'Z')),
        expected,
      );
      for (const [index, run] of runs.entries()) {
        const before = previousRun(expression, { ...options, from: run });
        if (index > 0) assert.deepEqual(before, runs[index - 1]);
        else assert.ok(before === undefined || before <= new Date(from));
      }
    };
    it(`${title}: ${expression} in ${zone}, Vixie`, () => check('Vixie', vixie));
    it(`${title}: ${expression} in ${zone}, Literal`, () => check('Literal', literal));
  }
});
