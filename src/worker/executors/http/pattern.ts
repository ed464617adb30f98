import { Worker } from 'node:worker_threads';
import type { Milliseconds } from '../../../domain/time.ts';

/** Starting the thread included. */
const longest: Milliseconds = 5_000;

const program = `
  const { parentPort, workerData } = require('node:worker_threads');
  parentPort.postMessage(new RegExp(workerData.pattern, 'u').test(workerData.text));
`;

/**
 * Whether a pattern is found in a text; undefined when that could not be told in time. A pattern can take for ever, and
 * this process must not stand still: it fences runs. So it is tried in a thread of its own, which can be ended.
 */
export async function isFound(pattern: string, text: string, signal: AbortSignal): Promise<boolean | undefined> {
  signal.throwIfAborted();
  const worker = new Worker(program, {
    eval: true,
    workerData: { pattern, text },
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 64 },
  });
  const { promise, resolve } = Promise.withResolvers<boolean | undefined>();
  const give = (): void => resolve(undefined);
  const timer = setTimeout(give, longest);
  signal.addEventListener('abort', give);
  worker.once('message', (found: boolean) => resolve(found));
  worker.once('error', give);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', give);
    await worker.terminate();
  }
}
