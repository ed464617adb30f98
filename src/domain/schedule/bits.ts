/** Sets of small numbers as bits of a 32-bit integer. */

/** The lowest bit at or above `from`; -1 when there is none. */
export function nextBit(bits: number, from: number): number {
  if (from > 31) return -1;
  const rest = bits & (-1 << from);
  return rest === 0 ? -1 : 31 - Math.clz32(rest & -rest);
}

/** The highest bit at or below `from`; -1 when there is none. */
export function previousBit(bits: number, from: number): number {
  if (from < 0) return -1;
  const rest = from >= 31 ? bits : bits & ((2 << from) - 1);
  return 31 - Math.clz32(rest);
}

/** A set of numbers from 0 to 59: bits 0 to 29 in `low`, 30 to 59 in `high`, so that both stay small integers. */
export class NumberSet {
  readonly low: number;
  readonly high: number;

  constructor(numbers: Iterable<number>) {
    let low = 0;
    let high = 0;
    for (const number of numbers) {
      if (number < 30) low |= 1 << number;
      else high |= 1 << (number - 30);
    }
    this.low = low;
    this.high = high;
  }

  /** The smallest member at or above `from`; -1 when there is none. */
  next(from: number): number {
    if (from < 30) {
      const found = nextBit(this.low, from);
      if (found >= 0) return found;
      return this.high === 0 ? -1 : 30 + nextBit(this.high, 0);
    }
    const found = nextBit(this.high, from - 30);
    return found < 0 ? -1 : 30 + found;
  }

  /** The largest member at or below `from`; -1 when there is none. */
  previous(from: number): number {
    if (from >= 30) {
      const found = previousBit(this.high, from - 30);
      if (found >= 0) return 30 + found;
    }
    return previousBit(this.low, Math.min(from, 29));
  }
}
