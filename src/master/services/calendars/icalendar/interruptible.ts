import { createContext, Script } from 'node:vm';
import type { Milliseconds } from '../../../../domain/time.ts';

/** Whatever it calls can be ended: V8 unwinds the whole stack below it. */
const call = new Script('work()');
/** Made once: it costs more than most work. */
const context = createContext({ work: undefined });

/** A piece of synchronous work that was ended. */
export class TooSlow extends Error {
  override readonly name = 'TooSlow';
}

/**
 * Does a piece of synchronous work that may never end, and ends it after a time. Starting the watchdog costs some 0.1 ms.
 *
 * @throws TooSlow; and what the work throws
 */
export function interruptible<T>(work: () => T, longest: Milliseconds): T {
  context.work = work;
  try {
    return call.runInContext(context, { timeout: longest }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') {
      throw new TooSlow(`it took longer than ${longest} ms`, { cause: error });
    }
    throw error;
  } finally {
    context.work = undefined;
  }
}
