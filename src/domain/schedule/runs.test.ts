import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countTicks, nextRuns, parseSchedule, previousRun, type ScheduledJob, scheduleOf } from './index.ts';

const iso = (dates: readonly Date[]): string[] => dates.map(date => date.toISOString());

describe('nextRuns', () => {
  it('gives one tick in UTC unless told otherwise, strictly after the start', () => {
    assert.deepEqual(iso(nextRuns('0 12 * * *', { from: '2026-01-01T12:00:00Z' })), ['2026-01-02T12:00:00.000Z']);
    assert.deepEqual(iso(nextRuns('0 12 * * *', { from: '2026-01-01T11:59:59.999Z' })), ['2026-01-01T12:00:00.000Z']);
  });

  it('takes the start as a Date, as milliseconds and as RFC 3339 with any offset', () => {
    for (const from of [
      new Date(0),
      0,
      '1970-01-01T00:00:00Z',
      '1970-01-01t01:30:00.0000+01:30',
      '1969-12-31T23:00-01:00',
    ]) {
      assert.deepEqual(iso(nextRuns('@daily', { from })), ['1970-01-02T00:00:00.000Z']);
    }
  });

  it('begins now without a start', () => {
    const before = Date.now();
    const [tick] = nextRuns('* * * * * *');
    assert.ok(tick && tick.getTime() > before && tick.getTime() <= Date.now() + 1_000);
  });

  it('gives none for a count of 0, and fewer than asked when the schedule ends', () => {
    assert.deepEqual(nextRuns('* * * * *', { from: 0, count: 0 }), []);
    assert.equal(nextRuns('0 0 0 1 1 * 2026-2028', { from: 0, count: 10 }).length, 3);
  });

  it('goes on to the end of time and no further', () => {
    assert.deepEqual(
      iso(nextRuns('0 0 13 9 *', { from: Date.UTC(275_759, 0, 1), count: 5, timeZone: 'Europe/Berlin' })),
      ['+275759-09-12T22:00:00.000Z', '+275760-09-12T22:00:00.000Z'],
    );
    assert.deepEqual(iso(nextRuns('0 12 1 1 *', { from: -8.64e15 })), ['-271820-01-01T12:00:00.000Z']);
  });
});

describe('previousRun', () => {
  const from = '2026-03-30T00:00:00Z';

  it('gives the last tick strictly before the start', () => {
    assert.deepEqual(previousRun('0 0 * * *', { from })?.toISOString(), '2026-03-29T00:00:00.000Z');
    assert.deepEqual(previousRun('0 0 29 2 *', { from })?.toISOString(), '2024-02-29T00:00:00.000Z');
    assert.deepEqual(previousRun('@at 2026-01-01T00:00:00Z', { from })?.toISOString(), '2026-01-01T00:00:00.000Z');
  });

  it('gives none where there was none', () => {
    assert.equal(previousRun('0 0 31 2 *', { from }), undefined);
    assert.equal(previousRun('0 0 0 1 1 * 2030', { from }), undefined);
    assert.equal(previousRun('@manually', { from }), undefined);
    assert.equal(previousRun('@at 2026-03-30T00:00:00Z', { from }), undefined);
    assert.equal(previousRun('@every 1h', { from, anchor: from }), undefined);
  });

  it('counts @every from its anchor', () => {
    const options = { anchor: '2026-03-29T22:10:00Z' };
    assert.equal(previousRun('@every 1h', { from, ...options })?.toISOString(), '2026-03-29T23:10:00.000Z');
    assert.equal(previousRun('@every 1h', { from: '2026-03-29T23:10:00Z', ...options }), undefined);
  });
});

describe('H', () => {
  const first = (expression: string, hashKey: string): string | undefined =>
    iso(nextRuns(expression, { from: Date.UTC(2026, 0, 1) - 1, hashKey }))[0];
  const keys = Array.from({ length: 3_000 }, (_, i) => `default/job-${i}`);

  it('never changes: jobs would move', () => {
    assert.equal(first('H H * * *', 'default/backup'), '2026-01-01T06:26:00.000Z');
    assert.equal(first('H H H * * *', 'shop/report'), '2026-01-01T20:31:10.000Z');
  });

  it('spreads jobs over the whole range', () => {
    const seen = new Map<number, number>();
    for (const key of keys) {
      const minute = new Date(first('H * * * *', key) ?? '').getUTCMinutes();
      seen.set(minute, (seen.get(minute) ?? 0) + 1);
    }
    assert.equal(seen.size, 60);
    assert.ok(Math.max(...seen.values()) < 90, 'fifty each on average');
  });

  it('is independent in each field', () => {
    const pairs = new Set(keys.map(key => first('H H * * *', key)));
    assert.ok(pairs.size > 1_200, `${pairs.size} of 1,440 times for 3,000 jobs`);
  });

  it('stays inside a range, and keeps its steps', () => {
    for (const key of keys.slice(0, 100)) {
      const minutes = nextRuns('H(10-19)/5,H(40-44) 0 * * *', {
        from: Date.UTC(2026, 0, 1) - 1,
        count: 3,
        hashKey: key,
      });
      const [a = 0, b = 0, c = 0] = minutes.map(date => date.getUTCMinutes());
      assert.ok(a >= 10 && a <= 14 && b === a + 5 && c >= 40 && c <= 44, `${key}: ${a}, ${b}, ${c}`);
      const quarters = nextRuns('H/15 * * * *', { from: Date.UTC(2026, 0, 1) - 1, count: 5, hashKey: key });
      assert.ok((quarters[0]?.getUTCMinutes() ?? 60) < 15);
      assert.equal((quarters[4]?.getTime() ?? 0) - (quarters[0]?.getTime() ?? 0), 3_600_000);
    }
  });

  it('gives a day that every month has, unless a range asks for more', () => {
    const days = (expression: string) => keys.map(key => new Date(first(expression, key) ?? '').getUTCDate());
    assert.equal(Math.max(...days('0 0 H * *')), 28);
    assert.equal(Math.max(...days('0 0 H(1-31) * *')), 31);
  });
});

describe('a job', () => {
  const job: ScheduledJob = {
    uid: 'abcdefgh12345678',
    namespace: 'shop',
    name: 'report',
    anchor: Date.UTC(2026, 0, 1, 0, 10),
    spec: { schedule: 'H 2 * * *', timeZone: 'Europe/Berlin', dstPolicy: 'Literal' },
  };

  it('has the schedule of its spec, hashed by namespace and name', () => {
    const schedule = scheduleOf(job);
    assert.equal(schedule.timeZone, 'Europe/Berlin');
    assert.equal(schedule.expression, 'H 2 * * *');
    const options = { timeZone: 'Europe/Berlin', dstPolicy: 'Literal', hashKey: 'shop/report', from: 0 } as const;
    assert.equal(schedule.next(0), nextRuns('H 2 * * *', options)[0]?.getTime());
  });

  it('counts @every from its anchor', () => {
    const schedule = scheduleOf({ ...job, spec: { schedule: '@every 1h' } });
    assert.equal(schedule.timeZone, 'UTC');
    assert.equal(schedule.next(job.anchor), job.anchor + 3_600_000);
  });
});

describe('countTicks', () => {
  const schedule = parseSchedule('* * * * *');
  it('counts in (from, to], up to the limit', () => {
    assert.equal(countTicks(schedule, 0, 600_000, 100), 10);
    assert.equal(countTicks(schedule, 0, 599_999, 100), 9);
    assert.equal(countTicks(schedule, 0, 600_000, 3), 3);
    assert.equal(countTicks(schedule, 600_000, 0, 3), 0);
  });
});
