import type { Milliseconds } from '../domain/time.ts';

/**
 * CLOCK_MONOTONIC: never steps, stands still while the machine sleeps, and is the same in all processes of the machine
 * (`performance.now()` counts from each process's own start).
 */
export function monotonicNow(): Milliseconds {
  return Number(process.hrtime.bigint()) / 1e6;
}
