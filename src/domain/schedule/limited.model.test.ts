import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { CalendarSpec } from '../calendar/spec.ts';
import { calendarSpec, weekdays } from '../calendar/spec.ts';
import { jitterOf, type ScheduledJob, scheduleOf } from './job-schedule.ts';
import { parseSchedule } from './parse.ts';

/** The slow model: every time of the bare schedule, asked one by one, on a wall clock that Intl shows. */

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** Zones whose clocks jump in the weeks that are tried, by an hour, by half an hour, at midnight, and not at all. */
const changes = [
  ['Europe/Berlin', '2026-03-29'],
  ['Europe/Berlin', '2026-10-25'],
  ['America/New_York', '2026-11-01'],
  ['Australia/Lord_Howe', '2026-04-05'],
  ['America/Havana', '2026-03-08'],
  ['Asia/Beirut', '2026-03-29'],
  ['UTC', '2026-06-07'],
] as const;

function wallOf(instant: number, timeZone: string): { date: string; minutes: number; weekday: number } {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  });
  const parts = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, value]));
  const date = `${parts.year}-${parts.month}-${parts.day}`;
  const weekday = (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7;
  return { date, minutes: Number(parts.hour) * 60 + Number(parts.minute), weekday };
}

const minutesOf = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));

function holds(spec: CalendarSpec, instant: number): boolean {
  const { date, minutes, weekday } = wallOf(instant, spec.timeZone);
  const inWindow = ({ days, from = '00:00', to = '24:00' }: CalendarSpec['weekly'][number]): boolean => {
    const today = days.some(name => weekdays.indexOf(name) === weekday);
    const yesterday = days.some(name => (weekdays.indexOf(name) + 1) % 7 === weekday);
    const [begin, end] = [minutesOf(from), minutesOf(to)];
    if (end > begin) return today && minutes >= begin && minutes < end;
    return (today && minutes >= begin) || (yesterday && minutes < end);
  };
  return (
    spec.dates.includes(date) ||
    spec.ranges.some(({ from, to }) =>
      from.length === 10 ? from <= date && date <= to : Date.parse(from) <= instant && instant < Date.parse(to),
    ) ||
    spec.weekly.some(inWindow)
  );
}

function isTick({ calendars = [], spec }: ScheduledJob, time: number): boolean {
  const held = (name: string): boolean => {
    const calendar = calendars.find(one => one.name === name);
    return calendar !== undefined && holds(calendar.spec, time);
  };
  const { exclude = [], require = [] } = spec.calendars ?? {};
  return (
    (spec.startAt === undefined || time >= Date.parse(spec.startAt)) &&
    (spec.endAt === undefined || time <= Date.parse(spec.endAt)) &&
    !exclude.some(held) &&
    (require.length === 0 || require.some(held))
  );
}

const timeOfDay = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom('00', '15', '30', '45'))
  .map(([hours, minutes]) => `${String(hours).padStart(2, '0')}:${minutes}`);
const window = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom(...weekdays), { minLength: 1, maxLength: 7 }),
    fc.option(fc.tuple(timeOfDay, timeOfDay)),
  )
  .map(([days, times]) => (times === null ? { days } : { days, from: times[0], to: times[1] }));

const calendarAround = (middle: number, timeZone: string) => {
  const instant = fc.integer({ min: -5 * 24 * 4, max: 5 * 24 * 4 }).map(quarters => middle + quarters * 15 * minute);
  const date = instant.map(at => new Date(at).toISOString().slice(0, 10));
  const range = fc.oneof(
    fc
      .tuple(date, date)
      .map(dates => dates.toSorted())
      .map(([from, to]) => ({ from, to })),
    fc.tuple(instant, fc.integer({ min: 1, max: 200 })).map(([at, quarters]) => ({
      from: new Date(at).toISOString(),
      to: new Date(at + quarters * 15 * minute).toISOString(),
    })),
  );
  return fc
    .record({
      timeZone: fc.constantFrom(timeZone, timeZone, 'Asia/Kolkata'),
      dates: fc.array(date, { maxLength: 3 }),
      ranges: fc.array(range, { maxLength: 2 }),
      weekly: fc.array(window, { maxLength: 2 }),
    })
    .map(spec => calendarSpec.parse({ ...spec, dates: [...spec.dates, '2030-01-01'] }));
};

const jobs = fc.constantFrom(...changes).chain(([timeZone, date]) => {
  const middle = Date.parse(`${date}T02:00:00Z`);
  const calendar = calendarAround(middle, timeZone);
  const edge = fc.option(
    fc.integer({ min: -4 * 24, max: 4 * 24 }).map(hours => new Date(middle + hours * hour).toISOString()),
    { nil: undefined, freq: 3 },
  );
  return fc.record({
    middle: fc.constant(middle),
    timeZone: fc.constant(timeZone),
    schedule: fc.constantFrom(
      '*/30 * * * *',
      '0 * * * *',
      '15 2 * * *',
      '30 0,2,23 * * *',
      '@every 47m',
      '0 */6 * * MON-FRI',
    ),
    dstPolicy: fc.constantFrom('Vixie' as const, 'Literal' as const),
    exclude: fc.array(calendar, { maxLength: 2 }),
    require: fc.array(calendar, { maxLength: 2 }),
    startAt: edge,
    endAt: edge,
    jitterSeconds: fc.constantFrom(undefined, undefined, 60, 1_000, 86_400),
  });
});

function jobOf(drawn: typeof jobs extends fc.Arbitrary<infer T> ? T : never): ScheduledJob {
  const { middle, timeZone, schedule, dstPolicy, startAt, endAt, jitterSeconds } = drawn;
  const excluded = drawn.exclude.map((spec, i) => ({ name: `x${i}`, spec }));
  const required = drawn.require.map((spec, i) => ({ name: `r${i}`, spec }));
  return {
    uid: 'uid0123456789abc',
    namespace: 'default',
    name: 'job',
    anchor: middle - 8 * day,
    calendars: [...excluded, ...required],
    spec: {
      schedule,
      timeZone,
      dstPolicy,
      calendars: { exclude: excluded.map(({ name }) => name), require: required.map(({ name }) => name) },
      startAt,
      endAt,
      jitterSeconds,
    },
  };
}

describe('a schedule with calendars, a start, an end and jitter', () => {
  it('has the ticks of a model that asks for each time by itself, forwards and backwards', () => {
    fc.assert(
      fc.property(jobs, drawn => {
        const job = jobOf(drawn);
        const { middle } = drawn;
        const [from, to] = [middle - 6 * day, middle + 6 * day];
        const base = parseSchedule(job.spec.schedule, { ...job.spec, anchor: job.anchor });
        const expected: number[] = [];
        for (let time = base.next(from - 2 * day); time !== undefined && time <= to + day; time = base.next(time)) {
          if (isTick(job, time)) expected.push(jitterOf(job, time));
        }
        const schedule = scheduleOf(job);
        const forwards: number[] = [];
        for (let tick = schedule.next(from); tick !== undefined && tick <= to; tick = schedule.next(tick)) {
          forwards.push(tick);
        }
        assert.deepEqual(
          forwards,
          expected.filter(tick => tick > from && tick <= to),
        );
        const backwards: number[] = [];
        for (let tick = schedule.previous(to); tick !== undefined && tick >= from; tick = schedule.previous(tick)) {
          backwards.unshift(tick);
        }
        assert.deepEqual(
          backwards,
          expected.filter(tick => tick >= from && tick < to),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('moves each tick by its own amount, below the limit and before the next', () => {
    const base = parseSchedule('*/5 * * * * *');
    const job = (jitterSeconds: number): ScheduledJob => ({
      uid: 'uid0123456789abc',
      namespace: 'default',
      name: 'job',
      anchor: 0,
      spec: { schedule: '*/5 * * * * *', jitterSeconds },
    });
    for (const [seconds, most] of [
      [2, 2_000],
      [60, 5_000],
    ] as const) {
      const moved = Array.from({ length: 500 }, (_, i) => jitterOf(job(seconds), i * 5_000) - i * 5_000);
      assert.ok(moved.every(by => by >= 0 && by < most));
      assert.ok(Math.max(...moved) > most * 0.95 && Math.min(...moved) < most * 0.05);
      assert.ok(new Set(moved).size > 300);
      const schedule = scheduleOf(job(seconds));
      let [tick, time] = [schedule.next(-1), base.next(-1)];
      for (let i = 0; i < 500; i++) {
        assert.equal(tick, jitterOf(job(seconds), time ?? 0));
        [tick, time] = [schedule.next(tick ?? 0), base.next(time ?? 0)];
      }
    }
  });

  it('jumps a long exclusion of an every-second job at once, and gives up where nothing is left', () => {
    const job = (spec: ScheduledJob['spec'], calendar: unknown): ScheduledJob => ({
      uid: 'uid0123456789abc',
      namespace: 'default',
      name: 'job',
      anchor: 0,
      calendars: [{ name: 'c', spec: calendarSpec.parse(calendar) }],
      spec,
    });
    const exclude = { exclude: ['c'], require: [] };
    const secondly = { schedule: '* * * * * *', calendars: exclude };
    const years = { ranges: [{ from: '2026-01-01', to: '2030-12-31' }] };
    const began = performance.now();
    assert.equal(scheduleOf(job(secondly, years)).next(Date.parse('2026-01-01')), Date.parse('2031-01-01T00:00:00Z'));
    assert.equal(
      scheduleOf(job(secondly, years)).previous(Date.parse('2031-01-01')),
      Date.parse('2025-12-31T23:59:59Z'),
    );
    const always = { weekly: [{ days: [...weekdays] }] };
    assert.equal(scheduleOf(job(secondly, always)).next(Date.parse('2026-01-01')), undefined);
    assert.equal(scheduleOf(job(secondly, always)).previous(Date.parse('2026-01-01')), undefined);
    const never = { dates: ['2026-02-01'] };
    const required = { schedule: '0 12 * * *', calendars: { exclude: [], require: ['c'] } };
    assert.equal(scheduleOf(job(required, never)).next(Date.parse('2026-01-01')), Date.parse('2026-02-01T12:00:00Z'));
    assert.equal(scheduleOf(job(required, never)).next(Date.parse('2026-02-01T12:00:00Z')), undefined);
    // Ten years second by second would take minutes.
    assert.ok(performance.now() - began < 2_000);
  });

  it('costs a job without any of it nothing: it has the bare schedule', () => {
    const job = { uid: 'u', namespace: 'default', name: 'job', anchor: 0, spec: { schedule: '@hourly' } };
    assert.equal(scheduleOf(job).constructor, parseSchedule('@hourly').constructor);
  });

  it('answers for years in which zone tables repeat', () => {
    const monday = scheduleOf({
      uid: 'u',
      namespace: 'default',
      name: 'job',
      anchor: 0,
      calendars: [{ name: 'c', spec: calendarSpec.parse({ timeZone: 'Europe/Berlin', weekly: [{ days: ['Mon'] }] }) }],
      spec: { schedule: '0 12 * * *', timeZone: 'Europe/Berlin', calendars: { exclude: [], require: ['c'] } },
    }).next(Date.UTC(2750, 0, 1));
    assert.equal(new Date(monday ?? 0).getUTCDay(), 1);
    assert.ok((monday ?? 0) - Date.UTC(2750, 0, 1) < 8 * day);
  });
});
