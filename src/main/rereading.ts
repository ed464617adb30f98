import type { Service } from '../domain/lifecycle.ts';
import type { Milliseconds } from '../domain/time.ts';

export interface RereadingOptions {
  /** Gives what is to be done with what is there now, if anything. @throws Error that says why it can't be used */
  readonly read: () => (() => void) | undefined;
  /** Told why what is there can't be used, once for each reason: what was read before stays. */
  readonly refuse: (reason: string) => void;
  /** Default 10 s. */
  readonly every?: Milliseconds | undefined;
}

/** Files that are read again and again: renewed ones come by renaming or, in Kubernetes, by a symlink's change. */
export class Rereading implements Service {
  readonly #options: RereadingOptions;
  #refused: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RereadingOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#timer ??= setInterval(() => this.look(), this.#options.every ?? 10_000).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Reads now. */
  look(): void {
    const { read, refuse } = this.#options;
    let take: (() => void) | undefined;
    try {
      take = read();
    } catch (error) {
      const reason = (error as Error).message;
      if (reason !== this.#refused) refuse(reason);
      this.#refused = reason;
      return;
    }
    this.#refused = undefined;
    take?.();
  }
}
