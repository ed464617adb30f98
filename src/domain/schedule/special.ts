import type { Instant, Milliseconds } from '../time.ts';
import type { Schedule } from './schedule.ts';

/** `@every`: anchor + k × period for k from 1, so that nothing comes at or before the anchor. */
export class PeriodicSchedule implements Schedule {
  readonly expression: string;
  readonly timeZone: string;
  private readonly period: Milliseconds;
  private readonly anchor: Instant | undefined;

  constructor(expression: string, timeZone: string, period: Milliseconds, anchor: Instant | undefined) {
    this.expression = expression;
    this.timeZone = timeZone;
    this.period = period;
    this.anchor = anchor;
  }

  next(after: Instant): Instant | undefined {
    const { period, anchor = after } = this;
    const tick = anchor + Math.max(1, Math.floor((after - anchor) / period) + 1) * period;
    return tick <= 8.64e15 ? tick : undefined;
  }

  previous(before: Instant): Instant | undefined {
    const { period, anchor = before } = this;
    const count = Math.ceil((before - anchor) / period) - 1;
    return count >= 1 ? anchor + count * period : undefined;
  }
}

/** `@at`: one instant; `@manually`: none. */
export class SingleSchedule implements Schedule {
  readonly expression: string;
  readonly timeZone: string;
  private readonly at: Instant | undefined;

  constructor(expression: string, timeZone: string, at: Instant | undefined) {
    this.expression = expression;
    this.timeZone = timeZone;
    this.at = at;
  }

  next(after: Instant): Instant | undefined {
    return this.at !== undefined && this.at > after ? this.at : undefined;
  }

  previous(before: Instant): Instant | undefined {
    return this.at !== undefined && this.at < before ? this.at : undefined;
  }
}
