import { timing } from '../domain/policy/timing.ts';
import type { Instant, Milliseconds } from '../domain/time.ts';

/** The last readings of another process's clock. */
interface Source {
  readonly offsets: { readonly offset: Milliseconds; readonly at: Milliseconds }[];
  lastShown: Instant;
}

export interface ClockGuardOptions {
  /** Monotonic milliseconds. */
  readonly monotonic: () => Milliseconds;
  /** Default 1 s. */
  readonly bound?: Milliseconds;
}

/** A reading is worth something this long. */
const keepFor: Milliseconds = 20_000;
const keepMost = 8;

/** A difference between the clocks' advances above this is a step, not drift. */
const stepBound: Milliseconds = 250;

/** Compares the own wall clock with those of masters and peers, by the times that they write. */
export class ClockGuard {
  readonly #monotonic: () => Milliseconds;
  readonly #bound: Milliseconds;
  readonly #sources = new Map<string, Source>();
  #last: { readonly wall: Instant; readonly monotonic: Milliseconds } | undefined;

  constructor(options: ClockGuardOptions) {
    this.#monotonic = options.monotonic;
    this.#bound = options.bound ?? timing.clockBound;
  }

  /** `source` wrote `shown` by its clock at most a moment before `ours` by the own one. */
  sample(source: string, shown: Instant, ours: Instant): void {
    const known = this.#sources.get(source) ?? { offsets: [], lastShown: Number.NEGATIVE_INFINITY };
    this.#sources.set(source, known);
    // Read again, it has only grown older.
    if (known.lastShown === shown) return;
    known.lastShown = shown;
    known.offsets.push({ offset: shown - ours, at: this.#monotonic() });
    if (known.offsets.length > keepMost) known.offsets.shift();
  }

  /**
   * How far the own clock is ahead of the median; undefined when nothing is known of others. With one other that is
   * the distance to it: nobody can say which of the two is wrong.
   */
  get offset(): Milliseconds | undefined {
    const oldest = this.#monotonic() - keepFor;
    const others: Milliseconds[] = [];
    for (const [name, { offsets }] of this.#sources) {
      const recent = offsets.filter(({ at }) => at >= oldest);
      if (recent.length === 0) this.#sources.delete(name);
      // A time arrives late by the way it took, never early: the largest is the nearest.
      else others.push(Math.max(...recent.map(({ offset }) => offset)));
    }
    if (others.length === 0) return undefined;
    return -median(others.length === 1 ? others : [0, ...others]);
  }

  /** What is wrong with the clock, if anything. */
  get reason(): string | undefined {
    const { offset } = this;
    if (offset === undefined || Math.abs(offset) <= this.#bound) return undefined;
    const way = offset > 0 ? 'ahead of' : 'behind';
    return `the clock is ${Math.round(Math.abs(offset))} ms ${way} its peers' (allowed: ${this.#bound} ms)`;
  }

  /** Call it each second or so: how far the wall clock was stepped since the last call, 0 when it was not. */
  step(wall: Instant): Milliseconds {
    const monotonic = this.#monotonic();
    const last = this.#last;
    this.#last = { wall, monotonic };
    if (last === undefined) return 0;
    const stepped = wall - last.wall - (monotonic - last.monotonic);
    if (Math.abs(stepped) < stepBound) return 0;
    this.#sources.clear();
    return stepped;
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}
