import { setTimeout as delay } from 'node:timers/promises';
import type { Milliseconds } from '../domain/time.ts';

/** Waits for some work, but not longer than this. Leaves no timer behind. */
export async function within(time: Milliseconds, work: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  const end = delay(time, undefined, { signal: done.signal }).catch(() => {});
  try {
    await Promise.race([work, end]);
  } finally {
    done.abort();
  }
}
