import { CoordinationError } from '../../coordination/coordinator.ts';
import { pause } from '../../coordination/pause.ts';
import { backoffDelay } from '../../domain/backoff.ts';
import { isRetryable } from '../../domain/errors.ts';
import type { Milliseconds } from '../../domain/time.ts';
import { StaleTermError } from '../../store/store.ts';
import { type Office, OfficeLostError } from './office.ts';

/** Short: what waits for a database that is back, a change of a job above all, waits no longer than this. */
const retry = { initial: 250, maximum: 2_000, factor: 2 };

/**
 * Does something again and again while the office lasts, `every` ms from end to begin. What fails is logged and tried
 * again after a backoff. A wait ends when the signal of `wake`, asked for before each time, is aborted. @throws StaleTermError, OfficeLostError: the office is over
 */
export async function repeat(
  office: Office,
  what: string,
  every: Milliseconds,
  work: () => Promise<void>,
  wake?: () => AbortSignal,
): Promise<void> {
  while (!office.signal.aborted) {
    const woken = wake?.();
    await insist(office, what, work);
    await pause(every, woken === undefined ? office.signal : AbortSignal.any([office.signal, woken]));
  }
}

/** Does something until it succeeds or the office ends. @throws StaleTermError, OfficeLostError: the office is over */
export async function insist(office: Office, what: string, work: () => Promise<void>): Promise<void> {
  const { signal, logger } = office;
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      await work();
      if (attempt > 0) logger.info({ attempts: attempt + 1 }, `${what} works again`);
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (isOver(error)) throw error;
      // Once for each failure: a server that is away for an hour needs no thousand lines, and no stack.
      const expected = error instanceof CoordinationError || isRetryable(error);
      if (attempt === 0) {
        const why = expected ? { reason: (error as Error).message } : { err: error };
        logger.warn(why, `${what} failed; trying again`);
      }
      await pause(backoffDelay(retry, attempt, Math.random()), signal);
    }
  }
}

/** Whether an error says that another master leads. */
export function isOver(error: unknown): boolean {
  return error instanceof StaleTermError || error instanceof OfficeLostError;
}
