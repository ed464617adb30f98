import type { BlockingOptions } from '../coordinator.ts';

/** What is waited for: one key (also a service, under a name that no key has), or all keys below a prefix. */
export interface Subject {
  readonly key: string;
  readonly prefix: boolean;
}

interface Waiter {
  readonly subject: Subject;
  wake(): void;
  fail(error: Error): void;
}

/** Those who wait for a change. */
export class Waiters {
  readonly #waiters = new Set<Waiter>();

  /** Resolves at a change of the subject, at `wakeAll` or when `wait` has passed. Rejects with the signal's reason. */
  wait(subject: Subject, options: Pick<BlockingOptions, 'wait' | 'signal'>): Promise<void> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      const leave = (then: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', aborted);
        this.#waiters.delete(waiter);
        then();
      };
      const waiter: Waiter = { subject, wake: () => leave(resolve), fail: error => leave(() => reject(error)) };
      const aborted = () => leave(() => reject(signal.reason));
      const timer = setTimeout(waiter.wake, options.wait);
      signal.addEventListener('abort', aborted);
      this.#waiters.add(waiter);
    });
  }

  wake(changed: Iterable<string>): void {
    if (this.#waiters.size === 0) return;
    for (const key of changed) {
      for (const waiter of [...this.#waiters]) {
        const { subject } = waiter;
        if (subject.prefix ? key.startsWith(subject.key) : key === subject.key) waiter.wake();
      }
    }
  }

  wakeAll(): void {
    for (const waiter of [...this.#waiters]) waiter.wake();
  }

  failAll(error: Error): void {
    for (const waiter of [...this.#waiters]) waiter.fail(error);
  }
}
