import type { Instant, Milliseconds } from '../../domain/time.ts';

/** The two clocks that a lease is written in. */
export interface Clocks {
  /** CLOCK_MONOTONIC in milliseconds: the same in every process of the machine; stands still while it sleeps. */
  monotonic(): Milliseconds;
  wall(): Instant;
}

export const systemClocks: Clocks = {
  monotonic: () => Number(process.hrtime.bigint() / 1_000n) / 1_000,
  wall: () => Date.now(),
};

/** The longest wait that `setTimeout` knows; a longer one would fire at once. */
const longestTimer: Milliseconds = 2 ** 31 - 1;

/** `setTimeout` for any length (a timeout may be a year). @returns a function that cancels it */
export function longTimer(wait: Milliseconds, fire: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (left: Milliseconds): void => {
    timer = setTimeout(
      () => {
        if (left > longestTimer) arm(left - longestTimer);
        else fire();
      },
      Math.min(left, longestTimer),
    );
  };
  arm(wait);
  return () => clearTimeout(timer);
}
