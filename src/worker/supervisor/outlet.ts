import type { Milliseconds } from '../../domain/time.ts';
import type { FromSupervisor } from './protocol.ts';

/** Writes a message to the channel; `done` once it has left this process. */
export type Send = (message: FromSupervisor, done: () => void) => void;

/** Characters on their way to the worker above which executors are asked to read no further for now. */
const pauseAbove = 4 * 1024 * 1024;
/** … and above which output is dropped: a worker that is stopped must not fill the memory. */
const dropAbove = 16 * 1024 * 1024;
/** What a message takes beside its text. */
const messageWeight = 256;
/** A stopped worker holds up the jobs' output for this long and no longer. */
const longestPause: Milliseconds = 500;

/** The way to the worker, with a count of what it has not taken yet. */
export class Outlet {
  readonly #send: Send;
  #backlog = 0;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(send: Send) {
    this.#send = send;
  }

  send(message: FromSupervisor): void {
    const weight = messageWeight + (message.type === 'output' ? message.text.length : 0);
    this.#backlog += weight;
    this.#send(message, () => {
      this.#backlog -= weight;
      if (this.#backlog <= pauseAbove) this.#drained?.resolve();
    });
  }

  /** Whether output must be dropped now. */
  get overflows(): boolean {
    return this.#backlog > dropAbove;
  }

  /** Resolves when there is room again, or after half a second; undefined when there is room. */
  room(): Promise<void> | undefined {
    if (this.#backlog <= pauseAbove) return undefined;
    if (!this.#drained) {
      const drained = Promise.withResolvers<void>();
      this.#drained = drained;
      const timer = setTimeout(drained.resolve, longestPause);
      void drained.promise.then(() => {
        clearTimeout(timer);
        this.#drained = undefined;
      });
    }
    return this.#drained.promise;
  }
}
