import type { Service } from '../domain/lifecycle.ts';
import type { Milliseconds } from '../domain/time.ts';

const sampleEvery: Milliseconds = 50;
/** The share of the newest sample: one pause, a garbage collection or the start of the process, is soon forgotten. */
const weight = 0.2;
/** What one sample counts at most: 0.8 s, after all, where nothing else is late. */
const most: Milliseconds = 4_000;

/** How late this process's timers come, smoothed: what a claim that is due now would wait behind other work. */
export class LoopDelay implements Service {
  #timer: NodeJS.Timeout | undefined;
  #delay: Milliseconds = 0;
  #due = 0;

  /** 0 before `start`. While something holds the loop, what is known is of before. */
  get delay(): Milliseconds {
    return this.#delay;
  }

  async start(): Promise<void> {
    this.#due = performance.now() + sampleEvery;
    this.#timer ??= setInterval(() => this.#sample(), sampleEvery).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#delay = 0;
  }

  #sample(): void {
    const now = performance.now();
    const late = Math.min(most, Math.max(0, now - this.#due));
    this.#due = now + sampleEvery;
    this.#delay += weight * (late - this.#delay);
  }
}
