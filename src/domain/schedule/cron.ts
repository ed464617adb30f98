import type { Instant } from '../time.ts';
import { cyclesBeyond, latest } from './cycles.ts';
import type { Schedule } from './schedule.ts';
import type { WallClockPattern } from './wall-clock.ts';
import type { Zone } from './zone.ts';

/** Zones have moved by a whole day, across the date line. */
const longestJump = 2 * 86_400_000;
/** Longer than any pattern pauses (40 years): what never comes in it meets a gap each time. */
const horizon = 60 * 366 * 86_400_000;

/**
 * A cron expression in a zone. It walks the zone's segments of constant offset. In each, `Literal` looks for wall times
 * from the segment's own first one on; `Vixie` from the first that no earlier segment has shown, so that a gap's times
 * are found and run at its end, and repeated ones are passed over.
 */
export class CronSchedule implements Schedule {
  readonly expression: string;
  private readonly pattern: WallClockPattern;
  private readonly zone: Zone;
  /** The wall clock as it is: policy `Literal`, and with `Vixie` expressions that follow real time. */
  private readonly literal: boolean;

  constructor(expression: string, pattern: WallClockPattern, zone: Zone, literal: boolean) {
    this.expression = expression;
    this.pattern = pattern;
    this.zone = zone;
    this.literal = literal;
  }

  get timeZone(): string {
    return this.zone.name;
  }

  next(after: Instant): Instant | undefined {
    const shift = cyclesBeyond(after);
    const tick = this.nextWithin(after - shift);
    return tick === undefined || tick + shift > latest ? undefined : tick + shift;
  }

  previous(before: Instant): Instant | undefined {
    const shift = cyclesBeyond(before);
    const tick = this.previousWithin(before - shift);
    return tick === undefined || tick < -latest ? undefined : tick + shift;
  }

  private nextWithin(after: Instant): Instant | undefined {
    const { zone, pattern, literal } = this;
    const { starts, offsets, unseen } = zone;
    let segment = zone.segmentAt(after);
    let offset = offsets[segment] ?? 0;
    let from = Math.floor((after + offset) / 1_000) * 1_000 + 1_000;
    if (!literal) from = Math.max(from, unseen[segment] ?? from);
    let wall = pattern.next(from);
    const giveUp = (wall ?? from) + horizon;
    for (;;) {
      // Without a match it is only the near segments that count: a clock put back shows the past again.
      const tick = wall === undefined ? from - offset + longestJump : Math.max(wall - offset, starts[segment] ?? 0);
      if (tick < zone.endOf(segment, tick)) return wall === undefined ? undefined : tick;
      segment++;
      offset = offsets[segment] ?? 0;
      const first = (literal ? (starts[segment] ?? 0) + offset : unseen[segment]) ?? 0;
      if (first > giveUp) return undefined;
      // What was found stays the first from anywhere between.
      if (wall === undefined || first < from || first > wall) wall = pattern.next(first);
      from = first;
    }
  }

  private previousWithin(before: Instant): Instant | undefined {
    const { zone, pattern, literal } = this;
    const { starts, offsets, unseen } = zone;
    let until = before - 1;
    let wall: number | undefined;
    let to = Number.NEGATIVE_INFINITY;
    let giveUp: number | undefined;
    for (;;) {
      const segment = zone.segmentAt(until);
      const offset = offsets[segment] ?? 0;
      const start = starts[segment] ?? 0;
      const last = Math.floor((until + offset) / 1_000) * 1_000;
      if (wall === undefined || last < wall || last > to) wall = pattern.previous(last);
      to = last;
      const first = (literal ? start + offset : unseen[segment]) ?? 0;
      if (wall === undefined ? start < until - longestJump : wall >= first) {
        return wall === undefined ? undefined : Math.max(wall - offset, start);
      }
      giveUp ??= (wall ?? last) - horizon;
      if (last < giveUp) return undefined;
      until = start - 1;
    }
  }
}
