/** Half-open stretches [starts[i], ends[i]) of a line, in order and apart from one another. */
export interface Intervals {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Whether a point lies in a stretch, and from where to where that holds. */
export interface Held {
  readonly inside: boolean;
  readonly since: number;
  readonly until: number;
}

/** Puts stretches in order and makes one of those that touch or overlap. */
export function union(stretches: readonly (readonly [number, number])[]): Intervals {
  const starts: number[] = [];
  const ends: number[] = [];
  for (const [start, end] of stretches.toSorted((a, b) => a[0] - b[0])) {
    const last = ends.at(-1);
    if (last !== undefined && start <= last) ends[ends.length - 1] = Math.max(last, end);
    else {
      starts.push(start);
      ends.push(end);
    }
  }
  return { starts, ends };
}

/** Looks a point up. Where nothing lies on a side, the line goes on without end. */
export function lookUp({ starts, ends }: Intervals, point: number): Held {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] ?? 0) <= point) low = middle + 1;
    else high = middle;
  }
  const start = starts[low - 1] ?? Number.NEGATIVE_INFINITY;
  const end = ends[low - 1] ?? Number.NEGATIVE_INFINITY;
  if (point < end) return { inside: true, since: start, until: end };
  return { inside: false, since: end, until: starts[low] ?? Number.POSITIVE_INFINITY };
}

/** The same on a circle that is `length` long and begins at 0; the stretches are as `around` lays them out. */
export function lookUpAround(intervals: Intervals, length: number, point: number): Held {
  if (intervals.starts.length === 0) {
    return { inside: false, since: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY };
  }
  const turn = Math.floor(point / length) * length;
  const held = lookUp(intervals, point - turn);
  return { inside: held.inside, since: held.since + turn, until: held.until + turn };
}

/** Stretches of a circle, laid out over three turns from −length on, so that a look-up of [0, length) sees its neighbours. */
export function around(stretches: readonly (readonly [number, number])[], length: number): Intervals {
  return union(stretches.flatMap(([a, b]) => [-1, 0, 1].map(turn => [a + turn * length, b + turn * length] as const)));
}
