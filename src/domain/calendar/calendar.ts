import type { Instant } from '../time.ts';
import type { CalendarSpec } from './spec.ts';

/** A named set of times: what users apply, with what the masters add. */
export interface Calendar {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: CalendarSpec;
  /** Counts from 1 and grows with every change; the entity tag of If-Match. */
  readonly revision: number;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

/** A calendar as it travels with each job that names it. */
export interface JobCalendar {
  readonly name: string;
  readonly spec: CalendarSpec;
}

/** What a job asks of calendars of its namespace. */
export interface CalendarUse {
  /** A time that any of these holds is no tick. */
  readonly exclude: readonly string[];
  /** With any name here, only a time that at least one of these holds is a tick. */
  readonly require: readonly string[];
}

/** The calendars that a job names, each once, in the order of their names. */
export function namedCalendars(use: CalendarUse | undefined): readonly string[] {
  return [...new Set([...(use?.exclude ?? []), ...(use?.require ?? [])])].sort();
}
