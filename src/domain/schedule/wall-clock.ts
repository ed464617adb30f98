import type { NumberSet } from './bits.ts';
import type { DaySet } from './days.ts';

/**
 * Local time as a wall clock shows it, in milliseconds since 1970-01-01T00:00:00 on that clock: an instant plus the
 * zone's offset then. Here every day has 24 hours; what zones do to it is the schedule's affair.
 */
export type WallTime = number;

const dayLength = 86_400_000;

/** The wall times of an expression: the cross product of its days, hours, minutes and seconds. */
export class WallClockPattern {
  private readonly seconds: NumberSet;
  private readonly minutes: NumberSet;
  private readonly hours: NumberSet;
  private readonly days: DaySet;

  constructor(seconds: NumberSet, minutes: NumberSet, hours: NumberSet, days: DaySet) {
    this.seconds = seconds;
    this.minutes = minutes;
    this.hours = hours;
    this.days = days;
  }

  /** The first wall time at or after a whole second; undefined when there is none. */
  next(from: WallTime): WallTime | undefined {
    const day = Math.floor(from / dayLength);
    const found = this.days.next(day);
    if (found === undefined) return undefined;
    if (found === day) {
      const second = this.secondFrom(Math.floor((from - day * dayLength) / 1_000));
      if (second >= 0) return day * dayLength + second * 1_000;
      const later = this.days.next(day + 1);
      return later === undefined ? undefined : later * dayLength + this.secondFrom(0) * 1_000;
    }
    return found * dayLength + this.secondFrom(0) * 1_000;
  }

  /** The last wall time at or before a whole second; undefined when there is none. */
  previous(from: WallTime): WallTime | undefined {
    const day = Math.floor(from / dayLength);
    const found = this.days.previous(day);
    if (found === undefined) return undefined;
    if (found === day) {
      const second = this.secondTo(Math.floor((from - day * dayLength) / 1_000));
      if (second >= 0) return day * dayLength + second * 1_000;
      const earlier = this.days.previous(day - 1);
      return earlier === undefined ? undefined : earlier * dayLength + this.secondTo(86_399) * 1_000;
    }
    return found * dayLength + this.secondTo(86_399) * 1_000;
  }

  /** The first matching second of a day at or after one; -1 when the day has none left. */
  private secondFrom(from: number): number {
    const { seconds, minutes, hours } = this;
    const fromHour = Math.floor(from / 3_600);
    const hour = hours.next(fromHour);
    if (hour < 0) return -1;
    if (hour > fromHour) return hour * 3_600 + minutes.next(0) * 60 + seconds.next(0);
    const fromMinute = Math.floor(from / 60) % 60;
    let minute = minutes.next(fromMinute);
    if (minute === fromMinute) {
      const second = seconds.next(from % 60);
      if (second >= 0) return hour * 3_600 + minute * 60 + second;
      minute = minutes.next(fromMinute + 1);
    }
    if (minute >= 0) return hour * 3_600 + minute * 60 + seconds.next(0);
    const later = hours.next(hour + 1);
    return later < 0 ? -1 : later * 3_600 + minutes.next(0) * 60 + seconds.next(0);
  }

  /** The last matching second of a day at or before one; -1 when there is none. */
  private secondTo(from: number): number {
    const { seconds, minutes, hours } = this;
    const fromHour = Math.floor(from / 3_600);
    const hour = hours.previous(fromHour);
    if (hour < 0) return -1;
    if (hour < fromHour) return hour * 3_600 + minutes.previous(59) * 60 + seconds.previous(59);
    const fromMinute = Math.floor(from / 60) % 60;
    let minute = minutes.previous(fromMinute);
    if (minute === fromMinute) {
      const second = seconds.previous(from % 60);
      if (second >= 0) return hour * 3_600 + minute * 60 + second;
      minute = minutes.previous(fromMinute - 1);
    }
    if (minute >= 0) return hour * 3_600 + minute * 60 + seconds.previous(59);
    const earlier = hours.previous(hour - 1);
    return earlier < 0 ? -1 : earlier * 3_600 + minutes.previous(59) * 60 + seconds.previous(59);
  }
}
