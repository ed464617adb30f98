import type { Instant, Milliseconds } from '../time.ts';
import { parseInstant } from './instants.ts';
import type { WallTime } from './wall-clock.ts';
import { Zone } from './zone.ts';

/** The time that a person asks about. */
export interface MeantTime {
  readonly at: Instant;
  /** How exact it was said: 03:00 is a minute, 03:00:00 a second. */
  readonly width: Milliseconds;
  /** What the zone's clock did to it: a time that did not exist, or came twice. */
  readonly note?: string;
}

const day = 86_400_000;
const local = /^(?:(\d{4}-\d\d-\d\d)[Tt ])?(\d\d):(\d\d)(?::(\d\d))?$/;

/**
 * Reads RFC 3339, or a wall-clock time in a zone: `03:00` is the last one that was, `2026-11-24 03:00` a certain one.
 * A time that a zone's clock left out is the end of the gap, one that it showed twice is the first. Undefined for all else.
 *
 * @example readTime('03:00', 'Europe/Berlin', Date.parse('2026-03-02T12:00:00Z'))?.at // 2026-03-02T02:00:00Z
 * @throws ScheduleError when there is no such zone
 */
export function readTime(text: string, timeZone: string, now: Instant): MeantTime | undefined {
  const instant = parseInstant(text);
  if (instant !== undefined) return { at: instant, width: instant % 1_000 === 0 ? 1_000 : 1 };
  const parts = local.exec(text);
  if (parts === null) return undefined;
  const [, date, hour = '', minute = '', second] = parts;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second ?? 0) > 59) return undefined;
  const zone = Zone.named(timeZone);
  const ofDay = ((Number(hour) * 60 + Number(minute)) * 60 + Number(second ?? 0)) * 1_000;
  const width = second === undefined ? 60_000 : 1_000;
  if (date === undefined) {
    const today = Math.floor((now + offsetAt(zone, now)) / day) * day;
    const found = inZone(zone, today + ofDay);
    return { ...(found.at <= now ? found : inZone(zone, today - day + ofDay)), width };
  }
  // Whether there is such a day (not 30 February) is what RFC 3339 says.
  const midnight = parseInstant(`${date}T00:00:00Z`);
  return midnight === undefined ? undefined : { ...inZone(zone, midnight + ofDay), width };
}

/** What a zone's wall clock shows: `2026-11-24 03:00`, with seconds only where they are not zero. */
export function formatLocal(instant: Instant, timeZone: string): string {
  const shown = new Date(instant + offsetAt(Zone.named(timeZone), instant)).toISOString();
  return shown.slice(0, shown.slice(17, 23) === '00.000' ? 16 : 19).replace('T', ' ');
}

function inZone(zone: Zone, wall: WallTime): Omit<MeantTime, 'width'> {
  // No zone changes its clock twice within these two days.
  const before = wall - offsetAt(zone, wall - day);
  const after = wall - offsetAt(zone, wall + day);
  const candidates = [...new Set([before, after])].filter(at => at + offsetAt(zone, at) === wall);
  const at = Math.min(...candidates);
  const shown = new Date(wall).toISOString().slice(0, 16).replace('T', ' ');
  if (candidates.length === 0) {
    return {
      at: zone.starts[zone.segmentAt(before)] ?? before,
      note: `${shown} did not exist in ${zone.name}: the clock was put forward over it`,
    };
  }
  if (candidates.length === 1) return { at };
  return {
    at,
    note: `${shown} came twice in ${zone.name}: this is the first; the second was ${new Date(Math.max(...candidates)).toISOString().replace('.000Z', 'Z')}`,
  };
}

function offsetAt(zone: Zone, instant: Instant): Milliseconds {
  return zone.offsets[zone.segmentAt(instant)] ?? 0;
}

/** How far a zone's wall clock is ahead of UTC at an instant. @throws ScheduleError when there is no such zone */
export function offsetIn(timeZone: string, instant: Instant): Milliseconds {
  return offsetAt(Zone.named(timeZone), instant);
}
