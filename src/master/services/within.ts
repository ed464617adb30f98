import type { Milliseconds } from '../../domain/time.ts';

/** What a promise gives, when it does so in time. What comes later is let go. @throws Error when it does not come */
export async function within<T>(time: Milliseconds, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${time} ms`)), time);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => {});
  }
}
