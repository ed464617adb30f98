import ICAL from 'ical.js';
import type { Instant } from '../../../../domain/time.ts';
import type { IcalEvent } from './events.ts';
import { wrong } from './lines.ts';
import { dayOf, floatingAt, instantOf, isFloating, keyOf, type ZoneOf } from './times.ts';

const day = 86_400_000;

/** A stretch that an event takes: of whole days (day numbers, `end` not included) or of instants. */
export interface Taken {
  readonly kind: 'days' | 'instants';
  readonly start: number;
  readonly end: number;
}

/** Occurrences that are looked at in one file, before and in the window. */
export class Budget {
  #left: number;
  readonly #most: number;

  constructor(most: number) {
    this.#left = most;
    this.#most = most;
  }

  spend(event: IcalEvent): void {
    if (this.#left-- > 0) return;
    throw wrong(
      event.line,
      `begins a VEVENT with which the file has more than ${this.#most} occurrences up to the window's end: import a shorter time, or take the event out`,
    );
  }
}

/**
 * What a recurring event, or a single one, takes up to an instant: RRULE and RDATE, without EXDATE, with the changes
 * of its exceptions (RECURRENCE-ID, and RANGE=THISANDFUTURE), and without what is cancelled.
 */
export function* takenBy(
  master: IcalEvent,
  exceptions: readonly IcalEvent[],
  until: Instant,
  budget: Budget,
): Generator<Taken> {
  const changed = new Map(exceptions.map(exception => [keyOf(idOf(exception), exception.idZone), exception]));
  const lasting = exceptions.filter(({ andFuture }) => andFuture).toSorted((a, b) => idAt(a) - idAt(b));
  const excluded = new Set(master.excluded.map(({ time, zone }) => keyOf(time, zone)));
  const seen = new Set<string>();
  for (const time of occurrences(master, until, budget)) {
    const key = keyOf(time, master.zone);
    const dateKey = `day ${dayOf(time)}`;
    if (seen.has(key) || excluded.has(key) || excluded.has(dateKey)) continue;
    seen.add(key);
    if (changed.has(key)) continue;
    const at = startOf(time, master.zone);
    const change = lasting.findLast(exception => idAt(exception) <= at);
    if (change === undefined) {
      if (!master.cancelled) yield taken(master, time);
    } else if (!change.cancelled) {
      const moved = time.clone();
      moved.addDuration(change.start.subtractDate(idOf(change)));
      yield taken(change, moved);
    }
  }
  // Exceptions stand for themselves, wherever they were moved to.
  for (const exception of exceptions) {
    if (!exception.cancelled) yield taken(exception, exception.start);
  }
}

/** Starts in no particular order; an occurrence may come twice. */
function* occurrences(event: IcalEvent, until: Instant, budget: Budget): Generator<ICAL.Time> {
  budget.spend(event);
  yield event.start;
  for (const time of event.added) {
    budget.spend(event);
    yield time;
  }
  for (const rule of event.rules) {
    // Its limit is an instant, and times without a zone of the file's are compared as they are written.
    if (rule.until?.zone === ICAL.Timezone.utcTimezone && isFloating(event.start) && !event.start.isDate) {
      rule.until = floatingAt(rule.until.toUnixTime() * 1_000, event.zone);
    }
    try {
      const iterator = rule.iterator(event.start);
      for (let time = iterator.next(); time; time = iterator.next()) {
        if (startOf(time, event.zone) >= until) break;
        budget.spend(event);
        yield time.clone();
      }
    } catch (error) {
      if (error instanceof Error && error.name === 'CronmeshError') throw error;
      throw wrong(event.line, `begins a VEVENT whose RRULE cannot be read: ${(error as Error).message}`, error);
    }
  }
}

function taken({ length, zone }: IcalEvent, start: ICAL.Time): Taken {
  if (start.isDate) return { kind: 'days', start: dayOf(start), end: dayOf(start) + length.days };
  let last = start;
  if (length.days > 0) {
    last = start.clone();
    last.adjust(length.days, 0, 0, 0);
  }
  return { kind: 'instants', start: instantOf(start, zone), end: instantOf(last, zone) + length.rest };
}

/** Of a date, its beginning as if in UTC: lengths and distances are whole days. */
function startOf(time: ICAL.Time, zone: ZoneOf): Instant {
  return time.isDate ? dayOf(time) * day : instantOf(time, zone);
}

const idOf = (event: IcalEvent): ICAL.Time => event.id ?? event.start;
const idAt = (event: IcalEvent): Instant => startOf(idOf(event), event.idZone);
