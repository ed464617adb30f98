import type { Instant, Milliseconds } from '../time.ts';
import { ScheduleError } from './error.ts';
import { offsetReader } from './offsets.ts';
import type { WallTime } from './wall-clock.ts';

const day = 86_400_000;
const year = 366 * day;
/** Since 1939 no zone changed its offset twice within 6.9 days; before, 3.99 is the least (Freetown, 1939). */
const sample = 3 * day;
/** No zone kept anything but its local mean time before 1840: the table begins there. */
const beginning = Date.UTC(1840, 0, 1);

/**
 * The segments of constant offset of a zone, read from `Intl` for the years that were asked about and kept. Reading
 * a year takes some 150 µs; looking a segment up afterwards some nanoseconds.
 */
export class Zone {
  readonly name: string;
  /** Where each segment begins. The first begins where the table does. */
  readonly starts: Instant[];
  readonly offsets: Milliseconds[];
  /**
   * The first wall time that no earlier segment has shown: where the clock was put forward it lies before the
   * segment's own first wall time (what is between is the gap), where it was put back after it.
   */
  readonly unseen: WallTime[];
  /** The table holds for [from, to). */
  private from: Instant;
  private to: Instant;
  private recent = 0;
  private readonly offsetAt: (instant: Instant) => Milliseconds;

  private constructor(name: string, offsetAt: number | ((instant: Instant) => Milliseconds)) {
    this.name = name;
    this.unseen = [Number.NEGATIVE_INFINITY];
    this.starts = [Number.NEGATIVE_INFINITY];
    if (typeof offsetAt === 'number') {
      this.offsetAt = () => offsetAt;
      this.offsets = [offsetAt];
      this.from = Number.NEGATIVE_INFINITY;
      this.to = Number.POSITIVE_INFINITY;
      return;
    }
    this.offsetAt = offsetAt;
    this.offsets = [];
    this.from = Number.NaN;
    this.to = Number.NaN;
  }

  /** @throws ScheduleError when there is no such zone */
  static named(name: string): Zone {
    const known = zones.get(name);
    if (known) return known;
    const reader = offsetReader(name);
    if (reader === undefined) {
      throw new ScheduleError(
        'timeZone',
        name,
        `${JSON.stringify(name)} is no known time zone (allowed: IANA names such as Europe/Berlin or UTC, offsets such as +02:00)`,
      );
    }
    const zone = new Zone(name, reader);
    if (zones.size >= mostZones) zones.clear();
    zones.set(name, zone);
    return zone;
  }

  /** The index of the segment that an instant lies in. Indexes hold until the next call of this method. */
  segmentAt(instant: Instant): number {
    // Two days beforehand, so that a clock put back just before the instant is known.
    if (!(instant - 2 * day >= this.from && instant < this.to)) this.cover(instant - 2 * day, instant + 1);
    const { starts } = this;
    const { recent } = this;
    if ((starts[recent] ?? Number.NaN) <= instant && instant < (starts[recent + 1] ?? Number.POSITIVE_INFINITY)) {
      return recent;
    }
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((starts[middle] ?? 0) <= instant) low = middle;
      else high = middle - 1;
    }
    this.recent = low;
    return low;
  }

  /** Where a segment ends, if that is before `until`; otherwise any instant after `until`. Adds segments at the end only. */
  endOf(segment: number, until: Instant): Instant {
    if (segment === this.starts.length - 1 && until >= this.to) this.cover(this.from, until + 1);
    return this.starts[segment + 1] ?? Number.POSITIVE_INFINITY;
  }

  private cover(from: Instant, to: Instant): void {
    if (Number.isNaN(this.from)) {
      this.from = Math.max(from, beginning);
      this.to = this.from;
      this.starts[0] = this.from;
      this.offsets[0] = this.offsetAt(this.from);
    }
    // A year more than asked, so that tables grow seldom.
    if (to > this.to) this.append(to + year);
    if (from < this.from) this.prepend(Math.max(from - year, beginning));
    if (this.from <= beginning) {
      this.from = Number.NEGATIVE_INFINITY;
      this.starts[0] = Number.NEGATIVE_INFINITY;
    }
    let unseen = Number.NEGATIVE_INFINITY;
    for (const [index, start] of this.starts.entries()) {
      if (index > 0) unseen = Math.max(unseen, start + (this.offsets[index - 1] ?? 0));
      this.unseen[index] = unseen;
    }
  }

  private append(to: Instant): void {
    const { starts, offsets } = this.changes(this.to, to, this.offsets.at(-1) ?? 0);
    this.starts.push(...starts);
    this.offsets.push(...offsets);
    this.to = to;
  }

  private prepend(from: Instant): void {
    const first = this.offsetAt(from);
    // The last of these is what the table's first segment goes on with.
    const { starts, offsets } = this.changes(from, this.from, first);
    this.starts.splice(0, 1, from, ...starts);
    this.offsets.splice(0, 1, first, ...offsets);
    this.from = from;
    this.recent = 0;
  }

  /** The segments that begin in (from, to]; `offset` is the one at `from`. */
  private changes(from: Instant, to: Instant, offset: Milliseconds): { starts: Instant[]; offsets: Milliseconds[] } {
    const starts: Instant[] = [];
    const offsets: Milliseconds[] = [];
    let [at, before] = [from, offset];
    while (at < to) {
      const next = Math.min(at + sample, to);
      const after = this.offsetAt(next);
      if (after !== before) {
        starts.push(this.changeBetween(at, next, before));
        offsets.push(after);
      }
      [at, before] = [next, after];
    }
    return { starts, offsets };
  }

  /** The first whole second in (from, to] whose offset is not the one at `from`. */
  private changeBetween(from: Instant, to: Instant, offset: Milliseconds): Instant {
    let low = Math.floor(from / 1_000);
    let high = Math.ceil(to / 1_000);
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.offsetAt(middle * 1_000) === offset) low = middle;
      else high = middle;
    }
    return high * 1_000;
  }
}

/** There are some 600 names, and 2,880 offsets; in mixed case there would be no end to them. */
const mostZones = 4_000;
/** A zone's table is made once. */
const zones = new Map<string, Zone>();
