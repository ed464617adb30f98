import type { Milliseconds } from '../../domain/time.ts';

/** Waits for some work, but not longer than this: then it throws, and the work goes on unheard. */
export async function inTime<T>(limit: Milliseconds, who: string, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`${who} did not answer within ${limit / 1_000} s`)), limit);
  work.catch(() => {});
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
