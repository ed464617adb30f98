import { setImmediate } from 'node:timers/promises';
import ICAL from 'ical.js';
import { union } from '../../../../domain/calendar/intervals.ts';
import { type CalendarSpec, calendarSpec } from '../../../../domain/calendar/spec.ts';
import { CronmeshError } from '../../../../domain/errors.ts';
import { parseSchedule } from '../../../../domain/schedule/index.ts';
import type { Instant, Milliseconds } from '../../../../domain/time.ts';
import { type IcalEvent, readEvent } from './events.ts';
import { interruptible, TooSlow } from './interruptible.ts';
import { type Outline, outline, wrong } from './lines.ts';
import { Budget, type Taken, takenBy } from './series.ts';

const day = 86_400_000;
/** Occurrences from the events' beginnings to the window's end: some seconds of work at most. */
const mostOccurrences = 50_000;
/** After so many the process may do other things. */
const atOnce = 250;
/** They take some milliseconds; of a rule that no date fulfils the library looks for the first one for ever. */
const longestAtOnce: Milliseconds = 500;
/** All of them. */
const longest: Milliseconds = 10_000;

export interface ImportOptions {
  /** Events that take any of [from, to) are kept. */
  readonly from: Instant;
  readonly to: Instant;
  /** For dates, and times without a zone. Default: what the file says (X-WR-TIMEZONE), or UTC. */
  readonly timeZone?: string | undefined;
}

/**
 * Makes dates and ranges of an iCalendar file (RFC 5545): of each VEVENT, recurring ones expanded, whether or not it is
 * marked as free (TRANSP). Cancelled ones are left out.
 *
 * @throws CronmeshError InvalidInput that names the line and the component
 */
export async function importCalendar(text: string, options: ImportOptions): Promise<CalendarSpec> {
  const lines = outline(text);
  const roots = parse(text, lines);
  const timeZone = options.timeZone ?? ownZone(roots) ?? 'UTC';
  const zone = { name: timeZone };
  const components = roots.flatMap(root => root.getAllSubcomponents('vevent'));
  if (components.length === 0) throw wrong(1, 'begins a calendar without any VEVENT');
  const events = components.map((component, i) => readEvent(component, lines.events[i] ?? 1, zone));
  const budget = new Budget(mostOccurrences);
  const found: Taken[] = [];
  const end = performance.now() + longest;
  const at = { line: 1 };
  const all = allTaken(events, options.to, budget, at);
  for (let some = atOnce; some === atOnce; ) {
    await setImmediate();
    some = 0;
    try {
      interruptible(
        () => {
          for (let next = all.next(); !next.done; next = all.next()) {
            if (isWithin(next.value, options)) found.push(next.value);
            if (++some === atOnce) break;
          }
        },
        Math.max(1, Math.min(longestAtOnce, Math.ceil(end - performance.now()))),
      );
    } catch (error) {
      if (!(error instanceof TooSlow)) throw error;
      throw wrong(
        at.line,
        'begins a VEVENT whose times take too long to find: does its RRULE name a day that there is not?',
      );
    }
  }
  return specOf(found, timeZone, options);
}

/** What all series take; `at` follows where the one that is looked at begins. */
function* allTaken(events: readonly IcalEvent[], until: Instant, budget: Budget, at: { line: number }) {
  for (const [master, exceptions] of bySeries(events)) {
    at.line = master.line;
    yield* takenBy(master, exceptions, until, budget);
  }
}

function parse(text: string, { properties }: Outline): ICAL.Component[] {
  try {
    const parsed: unknown = ICAL.parse(text.replace(/^\uFEFF/, ''));
    const roots = Array.isArray(parsed) && Array.isArray(parsed[0]) ? parsed : [parsed];
    return roots.map(root => new ICAL.Component(root));
  } catch (error) {
    // The library does not say where: the first property that it does not read by itself is the one.
    const bad = properties.find(({ text }) => !/^(BEGIN|END):/i.test(text) && !isReadable(text));
    throw wrong(bad?.line ?? 1, `cannot be read: ${(error as Error).message}`, error);
  }
}

function isReadable(property: string): boolean {
  try {
    ICAL.parse.property(property);
    return true;
  } catch {
    return false;
  }
}

function ownZone(roots: readonly ICAL.Component[]): string | undefined {
  for (const root of roots) {
    const name = root.getFirstPropertyValue('x-wr-timezone');
    try {
      if (typeof name === 'string' && name !== '') return parseSchedule('@manually', { timeZone: name }).timeZone;
    } catch {
      // A name of another system: the file's own times mostly have their zones beside them.
    }
  }
  return undefined;
}

/** Events of one UID: the series, and what stands for single occurrences of it. */
function* bySeries(events: readonly IcalEvent[]): Generator<readonly [IcalEvent, readonly IcalEvent[]]> {
  const byUid = Map.groupBy(events, ({ uid }) => uid);
  for (const some of byUid.values()) {
    const masters = some.filter(({ id }) => id === undefined);
    const exceptions = some.filter(({ id }) => id !== undefined);
    for (const [i, master] of masters.entries()) yield [master, i === 0 ? exceptions : []];
    // Invited to one occurrence only: it is all that the file knows of the series.
    if (masters.length === 0) for (const exception of exceptions) yield [exception, []];
  }
}

function isWithin({ kind, start, end }: Taken, { from, to }: ImportOptions): boolean {
  const unit = kind === 'days' ? day : 1;
  return start * unit < to && end * unit > from;
}

function specOf(found: readonly Taken[], timeZone: string, { from, to }: ImportOptions): CalendarSpec {
  const of = (kind: Taken['kind']) =>
    union(found.filter(taken => taken.kind === kind && taken.end > taken.start).map(({ start, end }) => [start, end]));
  const days = of('days');
  const instants = of('instants');
  const dates = days.starts.flatMap((start, i) => ((days.ends[i] ?? 0) - start === 1 ? [dateOf(start)] : []));
  const ranges = [
    ...days.starts.flatMap((start, i) => {
      const end = days.ends[i] ?? 0;
      return end - start === 1 ? [] : [{ from: dateOf(start), to: dateOf(end - 1) }];
    }),
    ...instants.starts.map((start, i) => ({ from: textOf(start), to: textOf(instants.ends[i] ?? 0) })),
  ];
  if (dates.length + ranges.length === 0) {
    const message = `has no event between ${dateOf(from / day)} and ${dateOf(to / day)}: give another time with from and to`;
    throw new CronmeshError('InvalidInput', `iCalendar file ${message}`, { problems: [{ field: 'file', message }] });
  }
  const spec = calendarSpec.safeParse({ timeZone, dates, ranges });
  if (spec.success) return spec.data;
  const message = `has ${dates.length} dates and ${ranges.length} ranges between ${dateOf(from / day)} and ${dateOf(to / day)}, more than a calendar can hold: import a shorter time, or make several calendars of it`;
  throw new CronmeshError('InvalidInput', `iCalendar file ${message}`, { problems: [{ field: 'file', message }] });
}

const dateOf = (number: number): string => new Date(Math.floor(number) * day).toISOString().slice(0, 10);
const textOf = (instant: Instant): string => new Date(instant).toISOString().replace('.000Z', 'Z');
