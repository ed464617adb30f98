import type { Instant } from '../time.ts';
import { ScheduleError, type ScheduleField } from './error.ts';

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Reads an RFC 3339 instant; undefined when it is none (no offset, 30 February, …). Below a millisecond it is cut off. */
export function parseInstant(text: string): Instant | undefined {
  const parts = rfc3339.exec(text);
  if (!parts) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  const [offsetHours, offsetMinutes] = [Number(parts[9] ?? 0), Number(parts[10] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) return undefined;
  const milliseconds = Number((parts[7] ?? '').padEnd(3, '0').slice(0, 3));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  date.setUTCHours(hour, minute, second, milliseconds);
  const offset = (offsetHours * 60 + offsetMinutes) * 60_000;
  return date.getTime() - (parts[8] === '-' ? -offset : offset);
}

/** Any form in which an option may give an instant; a string may leave out its seconds. @throws ScheduleError */
export function toInstant(field: ScheduleField, value: Date | number | string): Instant {
  const instant = typeof value === 'string' ? parseInstant(withSeconds(value)) : Number(value);
  if (instant === undefined || !Number.isFinite(instant) || Math.abs(instant) > 8.64e15) {
    throw new ScheduleError(
      field,
      value,
      `${JSON.stringify(String(value))} is no instant (allowed: a Date, milliseconds since 1970, or RFC 3339 with an offset, such as 2026-03-29T01:00:00Z)`,
    );
  }
  return instant;
}

function withSeconds(text: string): string {
  return text.replace(/(?<=^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d)(?=[-+Zz])/, ':00');
}
