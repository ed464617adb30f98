/** A measurement: when (ms) and how much. */
export interface Point {
  readonly at: number;
  readonly value: number;
}

/** What a series of measurements says. */
export interface Trend {
  /** The median of the first and of the last third. */
  readonly first: number;
  readonly last: number;
  /** Theil–Sen: the median of the slopes of all pairs, per hour. One outlier, or one collection of garbage, moves it little. */
  readonly perHour: number;
  /** Of all pairs, how many rise less how many fall, −1 to 1 (Kendall's tau): near 0 where there is no trend. */
  readonly tau: number;
}

/** How much may be gained without being called growth. */
export interface Allowance {
  /** From the median of the first third to that of the last, as a share of the first. */
  readonly share: number;
  /** … and at least this much, in the series' own unit. */
  readonly least: number;
}

/** @throws Error with fewer than six points */
export function trendOf(points: readonly Point[]): Trend {
  if (points.length < 6) throw new Error(`${points.length} measurements say nothing: take six at least`);
  const third = Math.floor(points.length / 3);
  const slopes: number[] = [];
  let sign = 0;
  for (const [i, one] of points.entries()) {
    for (const other of points.slice(i + 1)) {
      slopes.push((other.value - one.value) / (other.at - one.at));
      sign += Math.sign(other.value - one.value);
    }
  }
  return {
    first: median(points.slice(0, third).map(point => point.value)),
    last: median(points.slice(-third).map(point => point.value)),
    perHour: median(slopes) * 3_600_000,
    tau: sign / slopes.length,
  };
}

/** Growth: the last third is beyond the allowance above the first, and most pairs rise. A step that stays flat is none. */
export function grows(trend: Trend, { share, least }: Allowance): boolean {
  return trend.last - trend.first > Math.max(least, share * trend.first) && trend.perHour > 0 && trend.tau > 0.3;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
