import type { Instant, Milliseconds } from '../time.ts';

const offset = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;

/**
 * How a zone's offset from UTC is found: a number where it never changes, a function where it may, undefined where
 * there is no such zone. `Intl` is the only source of zone data that Node brings along; one reading takes about 1 µs.
 */
export function offsetReader(timeZone: string): Milliseconds | ((instant: Instant) => Milliseconds) | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset', hour: 'numeric' });
  } catch {
    return undefined;
  }
  const read = (instant: Instant): Milliseconds => {
    const [, sign, hours = 0, minutes = 0, seconds = 0] = offset.exec(format.format(instant)) ?? [];
    const size = (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000;
    return sign === '-' ? -size : size;
  };
  const { timeZone: canonical } = format.resolvedOptions();
  return /^(UTC|GMT|[+-].*)$/.test(canonical) ? read(0) : read;
}
