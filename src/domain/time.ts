/** A point in time: milliseconds since 1970-01-01T00:00:00Z, as `Date.now()` gives it. Ticks are instants. */
export type Instant = number;

/** A length of time in milliseconds. */
export type Milliseconds = number;

/** Reads the wall clock. Domain code never reads it itself: it takes `now` as an argument. */
export type Clock = () => Instant;

/** An instant as RFC 3339 in UTC, with milliseconds only where they are not zero: `2026-11-23T06:00:00Z`. */
export function formatInstant(instant: Instant): string {
  return new Date(instant).toISOString().replace('.000Z', 'Z');
}
