import type { MiddlewareHandler } from 'hono';
import { CronmeshError } from '../../domain/errors.ts';
import type { AppEnv } from './environment.ts';

/**
 * Refuses what comes faster than `rate` a second, all callers of this process together; a burst of as many is let through.
 * For routes that cost something and that strangers can call.
 */
export function limitRate(
  rate: number | (() => number),
  now: () => number = () => performance.now(),
): MiddlewareHandler<AppEnv> {
  const current = typeof rate === 'number' ? () => rate : rate;
  let left = current();
  let at = now();
  return async (_context, next) => {
    const perSecond = current();
    const time = now();
    left = Math.min(perSecond, left + ((time - at) / 1_000) * perSecond);
    at = time;
    if (left < 1) {
      throw new CronmeshError('TooManyRequests', `more than ${perSecond} requests a second come here; try again`, {
        retryable: true,
      });
    }
    left -= 1;
    await next();
  };
}
