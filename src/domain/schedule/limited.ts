import type { CalendarGate } from '../calendar/gate.ts';
import { formatInstant, type Instant, type Milliseconds } from '../time.ts';
import type { Schedule } from './schedule.ts';

/** Why a time of the bare schedule is no tick. */
export interface FallsOut {
  /** The calendar, where it is one; of several required ones, their names. */
  readonly calendar?: string;
  /** `calendar holidays excludes it (2026-12-25)`. */
  readonly clause: string;
}

/** No next or previous tick is sought further from the first time that fell out. */
const horizon: Milliseconds = 3_653 * 86_400_000;

/** What of a schedule's times are left by calendars, a start and an end. */
export class LimitedSchedule implements Schedule {
  private readonly base: Schedule;
  private readonly gate: CalendarGate | undefined;
  private readonly startAt: Instant;
  private readonly endAt: Instant;

  constructor(
    base: Schedule,
    limits: { readonly gate?: CalendarGate; readonly startAt?: Instant; readonly endAt?: Instant },
  ) {
    this.base = base;
    this.gate = limits.gate;
    this.startAt = limits.startAt ?? Number.NEGATIVE_INFINITY;
    this.endAt = limits.endAt ?? Number.POSITIVE_INFINITY;
  }

  get expression(): string {
    return this.base.expression;
  }

  get timeZone(): string {
    return this.base.timeZone;
  }

  next(after: Instant): Instant | undefined {
    let tick = this.base.next(Math.max(after, this.startAt - 1));
    const giveUp = (tick ?? 0) + horizon;
    while (tick !== undefined && tick <= this.endAt && tick <= giveUp) {
      const passage = this.gate?.at(tick);
      if (passage === undefined || passage.open) return tick;
      // The first time at or after the closed stretch's end: no step for each time in it.
      tick = this.base.next(passage.until - 1);
    }
    return undefined;
  }

  previous(before: Instant): Instant | undefined {
    let tick = this.base.previous(Math.min(before, this.endAt + 1));
    const giveUp = (tick ?? 0) - horizon;
    while (tick !== undefined && tick >= this.startAt && tick >= giveUp) {
      const passage = this.gate?.at(tick);
      if (passage === undefined || passage.open) return tick;
      tick = this.base.previous(passage.since);
    }
    return undefined;
  }

  /** Whether a time of the bare schedule is a tick. */
  allows(time: Instant): boolean {
    return time >= this.startAt && time <= this.endAt && (this.gate === undefined || this.gate.at(time).open);
  }

  /** Why a time of the bare schedule is no tick; undefined where it is one. */
  fallsOut(time: Instant): FallsOut | undefined {
    if (time < this.startAt) return { clause: `it is before startAt (${formatInstant(this.startAt)})` };
    if (time > this.endAt) return { clause: `it is after endAt (${formatInstant(this.endAt)})` };
    return this.gate?.closedBy(time);
  }
}
