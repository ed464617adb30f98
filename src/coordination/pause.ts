import type { Milliseconds } from '../domain/time.ts';

/** Resolves after `delay`, or at once when the signal is aborted. */
export function pause(delay: Milliseconds, signal: AbortSignal): Promise<void> {
  if (delay <= 0 || signal.aborted) return Promise.resolve();
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, delay);
    signal.addEventListener('abort', end);
  });
}
