import type { Milliseconds } from './time.ts';

/** How waits grow between retries: `initial × factor^n` up to `maximum`, each with full jitter below half of it. */
export interface BackoffPolicy {
  readonly initial: Milliseconds;
  readonly maximum: Milliseconds;
  readonly factor: number;
}

/** The default of every internal retry: 100 ms doubling to 5 s. */
export const defaultBackoff: BackoffPolicy = { initial: 100, maximum: 5_000, factor: 2 };

/**
 * The wait before retry `attempt` (from 0). `random` is in [0, 1): the wait is between half of the step and the whole.
 *
 * @example backoffDelay(defaultBackoff, 3, 0.5) // 600
 */
export function backoffDelay(policy: BackoffPolicy, attempt: number, random: number): Milliseconds {
  const step = Math.min(policy.maximum, policy.initial * policy.factor ** Math.min(attempt, 30));
  return Math.round(step / 2 + (step / 2) * random);
}
