import { matchesStatus } from '../http-status.ts';
import { retry } from '../job/spec/retry.ts';
import type { JobSpec, RetrySpec } from '../job/spec.ts';
import type { RunState } from '../run/run.ts';
import type { Milliseconds } from '../time.ts';
import { timing } from './timing.ts';

/** How an attempt ended, as far as the policy looks at it. */
export interface EndedAttempt {
  readonly state: RunState;
  /** From 1. */
  readonly attempt: number;
  readonly exitCode?: number;
  readonly httpStatus?: number;
}

type Policy = Pick<JobSpec, 'retry' | 'placement'>;

/** A shard that is lost leaves its part undone while the others are done: it runs again elsewhere, unless told otherwise. */
const retryOfShards: RetrySpec = retry.parse({ limit: 3, on: { outcomes: ['Lost'] } });

/** The policy in force: what the spec says, else that of its mode. Undefined: one attempt is all. */
export function retryOf({ retry, placement }: Policy): RetrySpec | undefined {
  return retry ?? (placement.mode === 'Shards' ? retryOfShards : undefined);
}

/**
 * Whether a job's policy asks for one more attempt of a run whose newest attempt ended so. Without a policy never;
 * Succeeded, Killed and Skipped never.
 *
 * @example shouldRetry({ retry: { limit: 1, … }, … }, { state: 'Failed', attempt: 2 }) // false: both attempts are used up
 */
export function shouldRetry(spec: Policy, ended: EndedAttempt): boolean {
  const retry = retryOf(spec);
  if (retry === undefined || ended.attempt > retry.limit) return false;
  const { outcomes, exitCodes, httpStatuses } = retry.on;
  if (!outcomes.some(outcome => outcome === ended.state)) return false;
  if (ended.state !== 'Failed' || (exitCodes === undefined && httpStatuses === undefined)) return true;
  const byCode = ended.exitCode !== undefined && exitCodes?.includes(ended.exitCode);
  const byStatus = ended.httpStatus !== undefined && matchesStatus(ended.httpStatus, httpStatuses ?? []);
  return byCode === true || byStatus;
}

/**
 * The wait after an attempt (from 1) that ended: `initialSeconds × factor^(attempt − 1)`, at most `maximumSeconds`, then
 * up to `jitter` of it less or more. `random` is in [0, 1).
 *
 * @example retryDelay({ initialSeconds: 10, factor: 2, maximumSeconds: 300, jitter: 0.1 }, 3, 0.5) // 40_000
 */
export function retryDelay(backoff: RetrySpec['backoff'], attempt: number, random: number): Milliseconds {
  const { initialSeconds, factor, maximumSeconds, jitter } = backoff;
  // A large power overflows to Infinity, and 0 × Infinity is no number.
  const step = initialSeconds === 0 ? 0 : Math.min(maximumSeconds, initialSeconds * factor ** (attempt - 1));
  return Math.round(step * (1 + jitter * (2 * random - 1)) * 1_000);
}

/**
 * The wait after an attempt that ended so. What a lost attempt left behind is ended by its fence, whose longest is the
 * lock delay: before that no other attempt is due.
 */
export function waitBeforeRetry(
  backoff: RetrySpec['backoff'],
  { state, attempt }: Pick<EndedAttempt, 'state' | 'attempt'>,
  random: number,
): Milliseconds {
  const wait = retryDelay(backoff, attempt, random);
  return state === 'Lost' ? Math.max(wait, timing.lockDelay) : wait;
}

/** Whether an attempt may be tried again after nobody knows what became of it: its worker must end it by its fence then. */
export function retriesLost(spec: Policy): boolean {
  const retry = retryOf(spec);
  return retry !== undefined && retry.limit > 0 && retry.on.outcomes.includes('Lost');
}
