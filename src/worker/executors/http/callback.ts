import type { CallbackAnswer, CallbackProgress } from '../../../coordination/records.ts';
import { longTimer } from '../../supervisor/clocks.ts';
import type { AttemptResult } from '../../supervisor/protocol.ts';
import { formatDuration } from '../ending.ts';
import type { ExecutionHooks } from '../executor.ts';

/** What the server of an asynchronous request says of it later. */
export class Callback {
  readonly #answer = Promise.withResolvers<CallbackAnswer>();
  readonly #signal: AbortSignal;

  /** @param signal aborts when the attempt is ended */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** The first one counts. */
  take(answer: CallbackAnswer): void {
    this.#answer.resolve(answer);
  }

  /** How far the server is. */
  progress({ progress, message }: CallbackProgress, hooks: ExecutionHooks): void {
    hooks.progress(progress, message);
  }

  /**
   * Waits for it.
   *
   * @param seconds at most; undefined leaves it to the attempt's own timeout
   * @throws when the attempt is ended
   */
  async wait(seconds: number | undefined, hooks: ExecutionHooks): Promise<AttemptResult> {
    void hooks.output('system', 'the server answers later: waiting for its callback\n');
    const { promise: late, resolve } = Promise.withResolvers<'late' | 'ended'>();
    const cancel = seconds === undefined ? () => {} : longTimer(seconds * 1_000, () => resolve('late'));
    const onEnd = (): void => resolve('ended');
    this.#signal.addEventListener('abort', onEnd);
    if (this.#signal.aborted) onEnd();
    try {
      const first = await Promise.race([this.#answer.promise, late]);
      this.#signal.throwIfAborted();
      if (typeof first === 'string') {
        return { outcome: 'TimedOut', message: `no callback came within ${formatDuration((seconds ?? 0) * 1_000)}` };
      }
      if (first.output !== undefined && first.output !== '') await hooks.output('stdout', first.output);
      return resultOf(first);
    } finally {
      cancel();
      this.#signal.removeEventListener('abort', onEnd);
    }
  }
}

function resultOf({ outcome, message }: CallbackAnswer): AttemptResult {
  if (outcome === 'Succeeded') return { outcome, ...(message !== undefined && { message }) };
  return { outcome, message: message ?? 'the server called back that it failed' };
}
